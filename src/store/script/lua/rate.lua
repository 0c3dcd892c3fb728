-- rate.lua - prelude: how fast a user may be. [COST-1] [TIME-1]
-- The generic cell rate algorithm (ITU-T I.371; as in https://brandur.org/rate-limiting): one number per key, the
-- theoretical arrival time of the unit after those that were taken. Sent again after a reconnect it counts once more, which harms nobody.
local MAX_UNITS = 400 -- nothing weighs more

local rate_now_us = time_us()

-- One unit in `emission_us`, `burst` at once; nothing takes more than `heaviest`, and no debt is greater than `most_us`.
local function pace (emission_us, burst, heaviest)
  return { emission_us = emission_us, burst = burst, heaviest = heaviest, most_us = emission_us * (burst + heaviest) }
end

-- Further ahead than any debt: the clock went back, and what was taken
-- before it did counts for nothing. Else a step of it would lock users out.
local function ahead_of (stored, place, rate)
  local ahead = (number_of(stored, place) or 0) - rate_now_us
  return ahead > rate.most_us and 0 or math.max(0, ahead)
end

local aheads = {}
local function ahead_us (key, rate)
  if not aheads[key] then aheads[key] = ahead_of(redis.call('GET', key), key, rate) end
  return aheads[key]
end

-- Returns 0, or after how many ms there is a unit. Whoever has one may take more: then he is in debt until they are paid for.
local function early_after (ahead, rate) return math.max(0, math.ceil((ahead + rate.emission_us * (1 - rate.burst)) / 1000)) end
local function early_ms (key, rate) return early_after(ahead_us(key, rate), rate) end

local function ahead_with (ahead, rate, units) return math.min(ahead + rate.emission_us * math.min(units, rate.heaviest), rate.most_us) end
local function due (ahead) return int(rate_now_us + ahead) end

local function take (key, rate, units)
  if is_dry then return end -- then the node's own bucket counts alone
  local ahead = ahead_with(ahead_us(key, rate), rate, units)
  redis.call('SET', key, due(ahead), 'PX', int(math.ceil(ahead / 1000)))
  aheads[key] = ahead
end
