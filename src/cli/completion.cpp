#include <iostream>
#include <memory>
#include <set>

#include "commands.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

using core::cat;

/// "train" or "data inspect": every command with its words so far, and what can follow.
void collect(const CLI::App& command, const std::string& words,
             std::vector<std::pair<std::string, std::vector<std::string>>>& out) {
  auto next = subcommand_names(command);
  const auto options = option_names(command);
  next.insert(next.end(), options.begin(), options.end());
  out.emplace_back(words, next);
  for (const auto* sub : command.get_subcommands({})) {
    collect(*sub, words.empty() ? sub->get_name() : cat(words, " ", sub->get_name()), out);
  }
}

/// Options that take no value.
void collect_flags(const CLI::App& command, std::set<std::string>& flags) {
  for (const auto* option : command.get_options()) {
    if (option->get_items_expected_max() > 0) continue;
    for (const auto& name : option->get_lnames()) flags.insert("--" + name);
    for (const auto& name : option->get_snames()) flags.insert("-" + name);
  }
  for (const auto* sub : command.get_subcommands({})) collect_flags(*sub, flags);
}

std::string bash_script(const CLI::App& program) {
  std::vector<std::pair<std::string, std::vector<std::string>>> commands;
  collect(program, "", commands);
  std::set<std::string> flags;
  collect_flags(program, flags);
  std::string known = ":";
  for (const auto& [words, next] : commands) known += words + ":";
  std::string text = cat("_vidgen() {\n  local commands=\"", known, "\" flags=\" ",
                         core::join({flags.begin(), flags.end()}, " "), R"( "
  local word="${COMP_WORDS[COMP_CWORD]}" path="" i next
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if [[ ${COMP_WORDS[i]} == -* ]]; then
      [[ $flags == *" ${COMP_WORDS[i]} "* ]] || ((++i))
      continue
    fi
    next="${path:+$path }${COMP_WORDS[i]}"
    [[ $commands == *":$next:"* ]] && path="$next"
  done
  case "$path" in
)");
  for (const auto& [words, next] : commands) {
    text += cat("    \"", words, "\") COMPREPLY=($(compgen -W \"", core::join(next, " "),
                "\" -- \"$word\")) ;;\n");
  }
  return text + R"(  esac
  [[ $word != -* ]] && COMPREPLY+=($(compgen -f -- "$word"))
}
complete -o filenames -F _vidgen vidgen
)";
}

/// The subcommands and options that can follow where `condition` holds; `seen` is what holds below.
void add_fish_lines(const CLI::App& command, const std::string& condition, const std::string& seen,
                    std::string& text) {
  for (const auto* sub : command.get_subcommands({})) {
    text += cat("complete -c vidgen -n \"", condition, "\" -a ", sub->get_name(), " -d \"",
                sub->get_description(), "\"\n");
    const std::string below =
        cat(seen.empty() ? "" : seen + "; and ", "__fish_seen_subcommand_from ", sub->get_name());
    for (const auto* option : sub->get_options()) {
      for (const auto& name : option->get_lnames()) {
        text += cat("complete -c vidgen -n \"", below, "\" -l ", name, "\n");
      }
    }
    add_fish_lines(*sub, below, below, text);
  }
}

std::string fish_script(const CLI::App& program) {
  std::string text;
  add_fish_lines(program, "__fish_use_subcommand", "", text);
  return text;
}

}  // namespace

Run add_completion(CLI::App& command) {
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  const CLI::App* program = command.get_parent();
  return [shell, program] {
    if (*shell == "fish") {
      std::cout << fish_script(*program);
    } else {
      std::cout << (*shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "")
                << bash_script(*program);
    }
  };
}

}  // namespace vidgen::cli
