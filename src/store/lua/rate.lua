-- rate.lua - prelude: how fast a user may be. [COST-1]
-- The generic cell rate algorithm (ITU-T I.371; as in https://brandur.org/rate-limiting): one number per key, the
-- theoretical arrival time of the unit after those that were taken. Sent again after a reconnect it counts once more, which harms nobody.
local MAX_UNITS = 400 -- nothing weighs more, so no debt is greater

local moment = redis.call('TIME')
local rate_now_us = moment[1] * 1000000 + moment[2]

-- `emission_us`: one unit in so much time; `burst`: so many at once. Returns 0, or after how many ms there is a unit.
-- Whoever has one may take more: then he is in debt until they are paid for.
local function early_ms (key, emission_us, burst)
  local ahead = (number_of(redis.call('GET', key), key) or 0) - rate_now_us
  -- further ahead than any debt: the clock went back, which must lock nobody out
  if ahead > emission_us * (burst + MAX_UNITS) then ahead = emission_us * burst end
  return math.max(0, math.ceil((ahead + emission_us * (1 - burst)) / 1000))
end

local function take (key, emission_us, units)
  if is_dry then return end -- then the node's own bucket counts alone
  local arrival = math.max(rate_now_us, tonumber(redis.call('GET', key)) or 0) + emission_us * math.min(units, MAX_UNITS)
  redis.call('SET', key, string.format('%.0f', arrival), 'PX', string.format('%.0f', math.ceil((arrival - rate_now_us) / 1000)))
end
