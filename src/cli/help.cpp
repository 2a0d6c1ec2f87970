#include <algorithm>
#include <sstream>

#include "commands.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

using core::cat;

constexpr size_t kIndent = 6, kColumns = 100;

/// The words in lines of at most kColumns, all of them indented.
std::string wrapped(const std::string& text, size_t indent = kIndent) {
  std::string lines, line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > kColumns) {
      lines += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return lines + std::string(indent, ' ') + line + "\n";
}

/// What CLI11 puts together as TYPE:RANGE.
struct ValueText {
  std::string type;
  std::string range;
};

ValueText value_of(const CLI::Option& option) {
  const std::string both = option.get_type_name();
  const size_t colon = both.find(':');
  ValueText value{both.substr(0, colon), colon == std::string::npos ? "" : both.substr(colon + 1)};
  if (value.type == "INT" || value.type == "UINT") value.type = "N";
  if (value.type == "FLOAT") value.type = "X";
  // {a,b} of CLI::IsMember.
  if (!value.range.empty() && value.range.front() == '{') {
    value.type = value.range.substr(1, value.range.size() - 2);
    std::replace(value.type.begin(), value.type.end(), ',', '|');
    value.range.clear();
  }
  return value;
}

/// An option is a line with its name and value, and its meaning below.
class HelpForm : public CLI::Formatter {
 public:
  HelpForm() { column_width(16); }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const auto value = value_of(*option);
    std::vector<std::string> notes;
    if (!value.range.empty()) notes.push_back(value.range);
    if (const auto text = option->get_default_str(); !text.empty() && option->get_type_size() != 0)
      notes.push_back(text + " by default");
    const bool either_way = option->get_positional() && option->nonpositional();
    if (either_way && is_positional) notes.push_back("or --" + option->get_lnames().front());
    std::string heading = "  " + make_option_name(option, is_positional);
    if (!is_positional && !value.type.empty()) heading += " " + value.type;
    if (option->get_required() && !either_way && !is_positional) heading += "   (required)";
    const std::string note = notes.empty() ? "" : cat(" (", core::join(notes, "; "), ")");
    return heading + "\n" + wrapped(option->get_description() + note);
  }

  // RUN and --checkpoint are one option, shown once.
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    std::string text = cat("\n", group, ":\n");
    for (const auto* option : options) {
      if (!is_positional && option->get_positional()) continue;
      text += make_option(option, is_positional);
    }
    return text;
  }

  std::string make_description(const CLI::App* app) const override {
    return app->get_description() + "\n";
  }

  // The footer of a command says what it prints, that of the program is for all.
  std::string make_footer(const CLI::App* app) const override {
    const auto* program = app;
    while (program->get_parent()) program = program->get_parent();
    std::string text;
    if (app != program && !app->get_footer().empty())
      text = cat("Prints:\n", wrapped(app->get_footer()), "\n");
    return text + wrapped(program->get_footer(), 0);
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    const size_t options = usage.find("[OPTIONS]");
    // As people type it: what a command works on comes first.
    const bool positionals =
        !app->get_options([](const CLI::Option* option) { return option->get_positional(); })
             .empty();
    if (options == std::string::npos || !positionals) return usage;
    usage.erase(options, std::string("[OPTIONS] ").size());
    usage.pop_back();
    return usage + " [OPTIONS]\n";
  }
};

/// The innermost subcommand that was named.
const CLI::App& innermost(const CLI::App& program) {
  const auto chosen = program.get_subcommands();
  return chosen.empty() ? program : innermost(*chosen.back());
}

/// "vidgen data inspect".
std::string whole_name(const CLI::App& command) {
  const auto* parent = command.get_parent();
  return parent ? cat(whole_name(*parent), " ", command.get_name()) : command.get_name();
}

/// "--batch-size" -> "train.batch_size", where there is one such key.
std::string key_of(const std::string& option) {
  std::string name = option.substr(2);
  std::replace(name.begin(), name.end(), '-', '_');
  std::string found;
  for (const auto& entry : core::explain_fields<config::Config>()) {
    if (entry.type == "section" || entry.path.find("[]") != std::string::npos) continue;
    const size_t dot = entry.path.rfind('.');
    if (entry.path.substr(dot == std::string::npos ? 0 : dot + 1) != name) continue;
    if (!found.empty()) return "";
    found = entry.path;
  }
  return found;
}

std::string unknown_argument(const CLI::App& command, const std::string& argument) {
  const std::string where = cat(" (see ", whole_name(command), " --help)");
  if (argument.rfind("--", 0) != 0) {
    const auto names = subcommand_names(command);
    if (names.empty()) return cat("unexpected argument \"", argument, "\"", where);
    const auto meant = core::nearest(argument, names);
    return cat("unknown command \"", argument, "\", ",
               meant.empty() ? "expected one of " + core::join(names)
                             : cat("did you mean \"", meant, "\"?"),
               where);
  }
  const std::string name = argument.substr(0, argument.find('='));
  const auto words = option_names(command);
  const bool has_set = std::find(words.begin(), words.end(), "--set") != words.end();
  const std::string key = has_set ? key_of(name) : "";
  const std::string meant = key.empty() ? core::nearest(name, words) : cat("--set ", key, "=...");
  return cat("unknown option ", name, meant.empty() ? "" : cat(", did you mean ", meant, "?"),
             where);
}

}  // namespace

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> words;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

std::vector<std::string> subcommand_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* sub : command.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

void use_help_form(CLI::App& program) { program.formatter(std::make_shared<HelpForm>()); }

std::string explain(const CLI::ParseError& error, const CLI::App& program) {
  const auto& command = innermost(program);
  const std::string where = cat(" (see ", whole_name(command), " --help)");
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const auto left = command.remaining();
    const auto all = left.empty() ? program.remaining(true) : left;
    const auto option = std::find_if(all.begin(), all.end(), [](const std::string& argument) {
      return argument.rfind("--", 0) == 0;
    });
    if (!all.empty()) return unknown_argument(command, option == all.end() ? all.front() : *option);
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error)) {
    for (const auto* option : command.get_options()) {
      if (!option->get_required() || option->count() > 0) continue;
      if (!option->get_positional() || option->get_lnames().empty()) continue;
      return cat(option->get_name(true), " (or --", option->get_lnames().front(), " ",
                 option->get_name(true), ") is required", where);
    }
    // A subcommand that is not known is left over.
    const auto left = command.remaining();
    if (!left.empty()) return unknown_argument(command, left.front());
    const auto commands = subcommand_names(command);
    if (!commands.empty())
      return cat("a subcommand is required, one of ", core::join(commands), where);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    for (const auto* option : command.get_options()) {
      if (option->count() < 2 || option->get_expected_max() > 1) continue;
      return cat(option->get_name(), ": given ", option->count(), " times, expected once", where);
    }
  }
  return error.what() + where;
}

}  // namespace vidgen::cli
