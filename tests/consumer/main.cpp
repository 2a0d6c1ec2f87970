// A product that plays a trained generator: it links vidgen::infer and nothing else.
#include <vidgen/infer/generator.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: consumer WEIGHTS\n", 2;
  const auto generator = vidgen::infer::CompiledGenerator::load(argv[1]);
  std::cout << generator.render({/*count=*/2}).sizes() << "\n";
}
