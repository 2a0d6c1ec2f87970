#include <vidgen/core/version.h>

#include <iostream>

int main() { std::cout << vidgen::core::version() << "\n"; }
