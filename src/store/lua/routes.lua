-- routes.lua - prelude after down: routes `<node>/<terminal>` of a user that nobody renewed go.
-- One that would hold for longer than a lease is from before the clock went back, and holds for one from now on. [TIME-1]
-- Else a node that was killed would be kept for ever, and told of every message, as long as the user is connected elsewhere.
local function prune (routes, lease_ms)
  if is_dry then return end
  local all = redis.call('HGETALL', routes)
  for i = 1, #all, 2 do
    local platform, ends = string.match(all[i + 1], '^(.*) (%d+)$')
    if (tonumber(ends) or 0) <= now then redis.call('HDEL', routes, all[i])
    elseif tonumber(ends) > now + lease_ms then redis.call('HSET', routes, all[i], platform .. ' ' .. int(now + lease_ms)) end
  end
end
