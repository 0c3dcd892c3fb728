-- drop-rows.lua - rows of a user's list whose direct conversations have ended go, with what else is left of them.
-- USES life down direct
-- FULL done
-- KEYS list
-- ARGV feed downEntries downIdleMs node seenMark user tag
-- then field score ... (a row that has another score by now is of another life, and stays)
-- RETURNS 0
local list = KEYS[1]
local user, tag = unpack(ARGV, 6)
for i = 8, #ARGV, 2 do
  local field, score = ARGV[i], ARGV[i + 1]
  local id = string.match(field, '/(.*)$')
  if redis.call('ZSCORE', list, id) == score then
    redis.call('ZREM', list, id)
    clear_leftovers(user, tag, field)
  end
end
return { 0 }
