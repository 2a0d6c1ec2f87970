#include "vidgen/config/config.h"

#include <iostream>
#include <memory>

#include "commands.h"
#include "vidgen/core/error.h"

namespace vidgen::cli {

Run add_config(CLI::App& command) {
  struct Arguments {
    bool explain = false;
    std::string config;
    std::vector<std::string> assignments;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* explain = command.add_flag("--explain", arguments->explain,
                                   "Every key with default, range and meaning");
  auto* file = command.add_option("--config", arguments->config,
                                  "Check this file and print it with every default");
  command.add_option("--set", arguments->assignments, "Set a key, as in --set train.steps=500")
      ->allow_extra_args(false)
      ->needs(file);
  explain->excludes(file);
  return [arguments] {
    if (arguments->explain) {
      std::cout << config::explain_config();
    } else if (!arguments->config.empty()) {
      std::cout << config::to_yaml(config::read_config(arguments->config, arguments->assignments));
    } else {
      throw Error("config: expected --explain or --config FILE");
    }
  };
}

}  // namespace vidgen::cli
