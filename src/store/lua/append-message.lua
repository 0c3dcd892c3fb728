-- append-message.lua - decides a send in one step: duplicate? sequenced, logged, in every member's stream. [MSG-1] to [MSG-5]
-- USES down member (member keys are built from the members' hash: standalone Redis only)
-- KEYS conversation members log dedupe
-- ARGV downEntries downIdleMs node id from terminal fingerprint draft nonce quoteSeq silent create dedupeMs logMessages
-- RETURNS status(0 stored, 1 duplicate) seq msgId ts epoch here[]
local conversation, members, log, dedupe = unpack(KEYS)
local id, from, terminal, fingerprint, draft, nonce, quote, silent, create, dedupe_ms, log_messages = unpack(ARGV, 4)

local kind, closed, head, last_ts, epoch = unpack(redis.call('HMGET', conversation, 'kind', 'closedAt', 'headSeq', 'lastTs', 'epoch'))
local before = redis.call('GET', dedupe)
if before then
  local print, seq, msg_id, ts, of = string.match(before, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  if print ~= fingerprint then return { -4 } end
  return { 1, seq, msg_id, ts, of, here }
end
if not kind and create == '' then return { -1 } end
local sender = from ~= 'system' and redis.call('HGET', members, from)
if kind and from ~= 'system' and not sender then return { -1 } end
if closed then return { -3 } end
local _, joined = member_of(sender or '')
if quote ~= '0' and (tonumber(quote) < tonumber(joined or 1) or redis.call('HEXISTS', log, quote) == 0) then return { -2 } end

if not kind then
  epoch = new_epoch(string.match(conversation, '{(%d+)}'))
  redis.call('HSET', conversation, 'kind', 'dm', 'epoch', epoch, 'createdAt', int(now))
  for user, tag in string.gmatch(create, '(%S+)/(%d+)') do redis.call('HSET', members, user, 'member 1 ' .. tag) end
end
epoch = int(math.max(epoch, life * 4096))
local seq = tonumber(head or 0) + 1
local ts = int(math.max(now, tonumber(last_ts or 0)))
local msg_id = string.format('%011x%08x', ts, seq) .. nonce
local body = '{"conversationId":"' .. id .. '","seq":' .. seq .. ',"msgId":"' .. msg_id .. '","ts":' .. ts .. ',' .. draft .. '}'
local trimmed = seq - tonumber(log_messages)
redis.call('HSET', conversation, 'headSeq', seq, 'lastTs', ts)
redis.call('HSET', log, seq, body)
if trimmed > 0 then redis.call('HDEL', log, trimmed) end
redis.call('SET', dedupe, table.concat({ fingerprint, seq, msg_id, ts, epoch }, ' '), 'PX', dedupe_ms)

local all = redis.call('HGETALL', members)
local place = int(seq) -- text: Redis' own conversion of a number (%.17g) costs as much as a lookup
local entry = { 'k', 'msg', 'c', id, 's', place }
local own = { 'k', 'msg', 'c', id, 's', place, 't', terminal, 'e', epoch }
local unread_member = place .. ':' .. ts
for i = 1, #all, 2 do
  local user = all[i]
  local member, _, tag, known = member_of(all[i + 1])
  local unread = user_key(tag, 'CHAT_MSG_BOX', user)
  redis.call('ZADD', user_key(tag, 'CONVERSATIONS', user), ts, id)
  if user ~= from and silent == '0' then
    redis.call('ZADD', unread .. ':' .. id, place, unread_member)
    redis.call('HINCRBY', unread, id, '1')
  end
  if trimmed > 0 then
    local gone = redis.call('ZREMRANGEBYSCORE', unread .. ':' .. id, '-inf', trimmed)
    if gone > 0 and redis.call('HINCRBY', unread, id, -gone) == 0 then redis.call('HDEL', unread, id) end
  end
  local served = string.match(deliver(user, tag, user == from and own or entry, body, known), '^%d+')
  if served ~= known then redis.call('HSET', members, user, member .. ' ' .. served) end
end
return { 0, seq, msg_id, ts, epoch, here }
