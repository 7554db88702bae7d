-- Serves pages.
local json = require("json")
local M = {}

-- Greets somebody.
function M.greet(name)
  return json.encode(name)
end

local function hidden() return 1 end
M.late = function(x) return hidden(x) end
--[[ function commented() end ]]
return M
