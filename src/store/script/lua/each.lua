-- each.lua - prelude: what is asked together is decided in order, each by itself: one that fails touches none of its neighbours.
-- The reply is a list: 0, what each is told; -12 and why of one that has failed.
local function failed (err) return { -12, type(err) == 'table' and err.err or err } end

-- first: where the arguments of the first stand; fields: how many each has.
local function decide_each (first, fields, decide)
  local decided = { 0 }
  for i = first, #ARGV, fields do
    local is_done, each = pcall(decide, unpack(ARGV, i, i + fields - 1))
    decided[#decided + 1] = is_done and each or failed(each)
  end
  return decided
end
