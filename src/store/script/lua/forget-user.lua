-- forget-user.lua - what is left of a user who is deleted goes, when he is in no conversation and blocks nobody any more. [USER-1] [USER-2]
-- USES event kick presence foreground going
-- FULL done
-- KEYS kick terminals leases tickets usedTickets marker commands notices
-- ARGV feed user keepMs first
-- then key ... (what goes; the first of them, sets and sorted sets, must be empty)
-- RETURNS 0 outcome(done: nothing is left|more|over: his deletion is, and somebody is there) terminals tickets commands notices (how
--   many of each went)
local kick, terminals, leases, tickets, used, marker, commands, notices = unpack(KEYS)
local user, keep_ms, first = unpack(ARGV, 2)
local MOST = 500 -- keys go in one call

local function holds (key)
  local is_sorted = redis.pcall('ZCARD', key)
  local count = type(is_sorted) == 'number' and is_sorted or redis.pcall('SCARD', key)
  return type(count) == 'number' and count > 0
end

local known, has_more = {}, false
for _, field in ipairs(redis.call('HKEYS', terminals)) do if is_terminal(field) then known[#known + 1] = field end end
for i = 5, 4 + first do has_more = has_more or holds(ARGV[i]) end
-- another call was faster, or it was lifted: then who is there is a new user
if redis.call('HEXISTS', kick, 'ban:/') == 0 then return { 0, (has_more or known[1]) and 'over' or 'done', 0, 0, 0, 0 } end
local markers, stale = redis.call('HKEYS', marker), {}
for i = 1, math.min(#markers, MOST) do stale[i] = marker .. ':' .. markers[i] end
if stale[1] then
  redis.call('UNLINK', unpack(stale))
  redis.call('HDEL', marker, unpack(markers, 1, #stale))
end
if has_more or #markers > MOST then return { 0, 'more', 0, 0, 0, 0 } end

local who = { leases = leases, terminals = terminals, user = user }
part(who)

local prefix, digests = string.match(tickets, '^(.*:)TICKETS:'), redis.call('ZRANGE', tickets, 0, -1)
for _, each in ipairs(redis.call('ZRANGE', used, 0, -1)) do digests[#digests + 1] = string.match(each, '[^/]*$') end
for _, digest in ipairs(digests) do redis.call('DEL', prefix .. 'TICKET:' .. digest) end

local pending, noted = redis.call('HLEN', commands), redis.call('HLEN', notices)
local n = redis.call('HGET', terminals, '/n')
for i = 5, #ARGV do redis.call('UNLINK', ARGV[i]) end
-- his events are counted on: who compares their numbers would take those of a new user for old ones
if n then
  redis.call('HSET', terminals, '/n', n)
  redis.call('PEXPIRE', terminals, keep_ms)
end
-- what was refused stays so: the tombstones of terminals that are no more become part of `notBefore`
local reason = select(3, stone_of(redis.call('HGET', kick, 'notBefore'), kick .. ' notBefore'))
for _, name in ipairs(redis.call('HKEYS', kick)) do
  local before, ends = stone_of(redis.call('HGET', kick, name), kick .. ' ' .. name)
  if string.sub(name, 1, 2) == 't:' then
    redis.call('HDEL', kick, name)
    if before then bury(kick, 'notBefore', tonumber(before), tonumber(ends), reason or 'deleted', this_ms) end
  end
end
redis.call('HDEL', kick, 'ban:/')
show_deleted(who)
return { 0, 'done', #known, #digests, pending, noted }
