-- set-value.lua - SET, for what is small, ends soon, and is needed by what
-- frees: an answer that is remembered, a turn that is claimed. [STORE-2]
-- FULL done
-- KEYS key
-- ARGV value
-- then option ... (as SET takes them)
-- RETURNS 0 reply (of SET)
local options = {}
for i = 2, #ARGV do options[#options + 1] = ARGV[i] end
return { 0, redis.call('SET', KEYS[1], ARGV[1], unpack(options)) }
