#include "vidgen/config/config.h"

#include <iostream>
#include <memory>

#include "commands.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {

Run add_config(CLI::App& command) {
  struct Arguments {
    bool explain = false;
    ConfigArguments config;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* explain = command.add_flag("--explain", arguments->explain,
                                   "Every key with default, range and meaning");
  add_config(command, arguments->config, "train.steps=500");
  auto* file = command.get_option("--config");
  file->required(false)->description("Check this file and print it with every default");
  for (const char* name : {"--set", "--data"}) command.get_option(name)->needs(file);
  explain->excludes(file);
  return [arguments] {
    if (arguments->explain) {
      std::cout << config::explain_config();
    } else if (!arguments->config.config.empty()) {
      std::cout << core::printable_lines(config::to_yaml(arguments->config.read()));
    } else {
      throw Error("config: expected --explain or a file, as in vidgen config street.yaml");
    }
  };
}

}  // namespace vidgen::cli
