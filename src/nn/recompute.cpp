#include "vidgen/nn/recompute.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "vidgen/nn/autocast.h"

namespace vidgen::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Work = std::function<torch::Tensor(const torch::Tensor&)>;
using Layers = std::vector<std::shared_ptr<torch::nn::Module>>;

/// Puts back the layers' buffers at the end of the scope.
class BuffersKept {
 public:
  explicit BuffersKept(const Layers& layers) {
    for (const auto& layer : layers)
      for (const auto& buffer : layer->buffers()) kept_.emplace_back(buffer, buffer.clone());
  }
  ~BuffersKept() {
    const torch::NoGradGuard no_grad;
    for (auto& [buffer, value] : kept_) buffer.copy_(value);
  }
  BuffersKept(const BuffersKept&) = delete;
  BuffersKept& operator=(const BuffersKept&) = delete;

 private:
  std::vector<std::pair<torch::Tensor, torch::Tensor>> kept_;
};

/// What autograd carries from the forward to the backward pass.
struct Task : torch::CustomClassHolder {
  Work work;
  Layers layers;
  at::DeviceType device = at::kCPU;
  bool autocast = false;
  at::ScalarType type = at::kFloat;
};

struct Recompute : torch::autograd::Function<Recompute> {
  /// `inputs` are x and the parameters: named here so that autograd knows what depends on them.
  static torch::Tensor forward(AutogradContext* context, at::TensorList inputs,
                               const c10::intrusive_ptr<Task>& task) {
    context->save_for_backward(inputs.vec());
    context->saved_data["task"] = c10::IValue::make_capsule(task);
    return task->work(inputs.front());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "gradients of gradients do not go through recomputed layers");
    const auto task =
        c10::static_intrusive_pointer_cast<Task>(context->saved_data["task"].toCapsule());
    auto inputs = context->get_saved_variables();
    const auto x = inputs.front().detach().requires_grad_(context->needs_input_grad(0));
    inputs.front() = x;
    const BuffersKept kept(task->layers);
    torch::Tensor result;
    {
      const at::AutoGradMode record(true);
      const Autocast autocast(task->device, task->autocast, task->type);
      result = task->work(x);
    }
    variable_list wanted;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (context->needs_input_grad(i)) wanted.push_back(inputs[i]);
    const auto found = torch::autograd::grad({result}, wanted, {gradients.front()});
    // One for each input that needs one, nothing for the others and for the task.
    variable_list all(inputs.size() + 1);
    for (size_t i = 0, next = 0; i < inputs.size(); ++i)
      if (context->needs_input_grad(i)) all[i] = found[next++];
    return all;
  }
};

}  // namespace

torch::Tensor recompute(const Work& work, const Layers& layers, const torch::Tensor& x) {
  variable_list inputs{x};
  bool needed = x.requires_grad();
  for (const auto& layer : layers) {
    for (const auto& parameter : layer->parameters()) {
      inputs.push_back(parameter);
      needed |= parameter.requires_grad();
    }
  }
  if (!needed || !at::GradMode::is_enabled()) return work(x);
  const auto task = c10::make_intrusive<Task>();
  task->work = work;
  task->layers = layers;
  task->device = x.device().type();
  task->autocast = at::autocast::is_autocast_enabled(task->device);
  task->type = at::autocast::get_autocast_dtype(task->device);
  return Recompute::apply(at::TensorList(inputs), task);
}

}  // namespace vidgen::nn
