defmodule Shop.Cart do
  alias Shop.Item
  use GenServer

  # Adds one.
  def add(cart, item) when is_map(item) do
    Item.put(cart, item)
  end

  defp total(cart), do: Enum.sum(cart)
end
