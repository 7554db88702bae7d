// Serves pages.

#include "a.h"
#include <vector>

namespace web {
namespace {
constexpr int kLimit = 3;
}

/// Serves. Always.
template <typename T>
class Server : public Base {
public:
  /// Makes one.
  explicit Server(int port);
  virtual ~Server();
  /** Runs it. */
  void run(const Request& request) const override { handle(request, port_); }
  bool operator==(const Server& other) const;
  enum class State { Idle, Busy };
  struct Inner { int x; void deep(); };
private:
  int port_;
  std::vector<T> items_;
};

using Alias = std::vector<int>;

// Makes one.
Server::Server(int port) : Base(port), port_(port)
{
  auto made = std::make_unique<Widget>(kLimit);
  for (const auto& item : made->items()) { use(item); }
}

int Server::Inner::deep() { return 1; }
int free_function(int x);
} // namespace web
