-- routes.lua - prelude after down: routes `<node>/<terminal>` of a user, and that those go that nobody renewed.
-- One that would hold for longer than a lease is from before the clock went back, and holds for one from now on. [TIME-1]
-- Else a node that was killed would be kept for ever, and told of every message, as long as the user is connected elsewhere.
-- Returns those that hold, { terminal, platform } each.
local function prune (routes, lease_ms)
  local live, all = {}, redis.call('HGETALL', routes)
  for i = 1, #all, 2 do
    local platform, ends = string.match(all[i + 1], '^(.*) (%d+)$')
    local terminal = string.match(all[i], '[^/]+$')
    ends = tonumber(ends) or 0
    if ends > now and terminal then live[#live + 1] = { terminal, string.match(platform, '^%S+') } end
    if is_dry then -- it may not write
    elseif ends <= now then redis.call('HDEL', routes, all[i])
    elseif ends > now + lease_ms then redis.call('HSET', routes, all[i], platform .. ' ' .. int(now + lease_ms)) end
  end
  return live
end
