-- admit-request.lua - decides whether a user's up-request goes on: is its terminal kicked, is the user too fast? [KICK-1]
-- USES kick
-- KEYS kick rate
-- ARGV terminal issuedAt emissionUs burst
-- RETURNS 0 verdict(ok|kicked|limited) reason retryMs
-- The generic cell rate algorithm (ITU-T I.371; as in https://brandur.org/rate-limiting): one number per user, the
-- theoretical arrival time of the request after this one. Sent again after a reconnect it counts once more, which harms nobody.
local kick, rate = unpack(KEYS)
local terminal, issued, emission_us, burst = unpack(ARGV)
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local reason = refusal(kick, terminal, issued, math.floor(now_us / 1000))
if reason then return { 0, 'kicked', reason, 0 } end

local tolerance_us = emission_us * burst
-- never further ahead than a burst: else a clock that went back would lock the user out
local arrival = math.min(math.max(now_us, tonumber(redis.call('GET', rate) or 0)), now_us + tolerance_us) + emission_us
local early_us = arrival - tolerance_us - now_us
if early_us > 0 then return { 0, 'limited', '', ms(math.ceil(early_us / 1000)) } end
redis.call('SET', rate, ms(arrival), 'PX', ms(math.ceil((arrival - now_us) / 1000)))
return { 0, 'ok', '', 0 }
