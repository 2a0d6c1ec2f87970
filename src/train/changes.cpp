#include "vidgen/train/changes.h"

#include <algorithm>
#include <map>
#include <set>

#include "vidgen/core/text.h"
#include "vidgen/train/options.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::Json;

void flatten(const Json& tree, const std::string& path,
             std::vector<std::pair<std::string, Json>>& out) {
  if (tree.is_object()) {
    for (const auto& [key, value] : tree.items())
      flatten(value, path.empty() ? key : cat(path, ".", key), out);
  } else if (tree.is_array() && !tree.empty() && tree[0].is_object()) {
    for (size_t i = 0; i < tree.size(); ++i) flatten(tree[i], cat(path, "[", i, "]"), out);
  } else {
    out.emplace_back(path, tree);
  }
}

/// "a[].b" of "a[12].b".
std::string without_indices(const std::string& key) {
  std::string text;
  bool inside = false;
  for (const char letter : key) {
    inside &= letter != ']';
    if (!inside) text += letter;
    inside |= letter == '[';
  }
  return text;
}

std::string shown(const Json& value) {
  constexpr size_t kMost = 200;
  if (value.is_null()) return "nothing";
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > kMost ? core::cut_utf8(text, kMost) + "..." : text;
}

}  // namespace

std::string Change::values() const { return cat(shown(before), " -> ", shown(now)); }

std::vector<Change> changes_between(const Json& before, const Json& now) {
  std::vector<std::pair<std::string, Json>> all_before, all;
  flatten(before, "", all_before);
  flatten(now, "", all);
  const std::map<std::string, Json> old(all_before.begin(), all_before.end());
  const std::map<std::string, Json> current(all.begin(), all.end());
  const auto value = [](const std::map<std::string, Json>& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? Json() : found->second;
  };
  all.insert(all.end(), all_before.begin(), all_before.end());
  std::vector<Change> changes;
  std::set<std::string> seen;
  for (const auto& item : all) {
    const std::string& key = item.first;
    if (!seen.insert(key).second) continue;
    Change change{key, value(old, key), value(current, key)};
    if (change.before != change.now) changes.push_back(std::move(change));
  }
  return changes;
}

core::AtResume at_resume(const std::string& key) {
  static const auto known = [] {
    std::map<std::string, core::AtResume> all;
    for (const auto& entry : core::explain_fields<RunOptions>()) all[entry.path] = entry.at_resume;
    return all;
  }();
  const auto found = known.find(without_indices(key));
  return found == known.end() ? core::AtResume::kNever : found->second;
}

void refuse_what_is_not_free(const checkpoint::Checkpoint& checkpoint,
                             const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    const auto what = at_resume(change.key);
    if (what == core::AtResume::kFree) continue;
    const std::string file = checkpoint.path.string();
    throw Error(cat(file, ": ", change.key, " is ", shown(change.before), " in the checkpoint and ",
                    shown(change.now), " in the configuration",
                    what == core::AtResume::kNever
                        ? ", which makes another run; give it another --run-dir"
                        : cat(", which makes other networks; a new run begins with what fits of "
                              "it: vidgen train CONFIG --run-dir ANOTHER --init-from ",
                              file)));
  }
}

bool changes_scores(const std::vector<Change>& changes) {
  static const std::set<std::string> of_evaluation{"train.evaluate.metric", "train.evaluate.clips"};
  // Where the videos are is not what is in them.
  static const std::set<std::string> of_other_data{"data.sources[].path", "data.cache_dir",
                                                   "data.workers", "data.on_error"};
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    if (of_evaluation.count(change.key) > 0) return true;
    return change.key.rfind("data.", 0) == 0 &&
           of_other_data.count(without_indices(change.key)) == 0;
  });
}

}  // namespace vidgen::train
