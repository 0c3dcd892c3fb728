-- revoke-message.lua - replaces a message by its tombstone and tells every member who may see it. [REVOKE-1] to [REVOKE-5]
-- USES life down member (members' streams and boxes: standalone Redis only)
-- FULL done
-- KEYS conversation members log
-- ARGV downEntries downIdleMs node seenMark id by server seq reason windowSec draft
-- RETURNS 0 revokedAt alreadyRevoked(0|1) here[] body tombstone
-- -6 carries windowSec and ageSec.
local conversation, members, log = unpack(KEYS)
local id, by, server, seq, reason, window_sec, draft = unpack(ARGV, 5)

local stored = redis.call('HGET', log, seq)
-- half a surrogate pair, which cjson refuses, can only stand in the content, and that goes: any other escape does for it
local is_read, message = pcall(cjson.decode, (string.gsub(stored or '', '\\u[dD]%x%x%x', '\\u0020')))
local function is_time (value) return type(value) == 'number' and whole_of(int(value)) == value end
local is_message = is_read and type(message) == 'table' and is_time(message.ts) and message.conversationId == id and message.seq == tonumber(seq)
local is_tombstone = is_message and message.type == 'revoked' -- then nothing that was written is left, else there is
is_message = is_message and (message.revoked ~= nil) == is_tombstone and (message.content == nil) == is_tombstone
  and not (is_tombstone and (message.ext or message.mentions or message.quote or message.options))
for _, name in ipairs({ 'msgId', 'from', 'clientMsgId', 'type', 'traceId' }) do is_message = is_message and type(message[name]) == 'string' end
if stored and not is_message then skip(log .. ' ' .. seq) end
message = is_message and message -- what cannot be read is not there
local done = message and type(message.revoked) == 'table' and is_time(message.revoked.at) and message.revoked
-- what he has done himself is answered before it is asked whether he still may
if done and done.by == by then return { 0, int(done.at), 1, here, '', stored } end
local member = redis.call('HGET', members, by)
if redis.call('EXISTS', conversation) == 0 or (server == '0' and not member) then return { -1 } end
local role, joined = 'server', 0
if server == '0' then role, joined = string.match(member, '^(%a+) (%d+)') end
if not role then return { -1, skip(members .. ' ' .. by) } end
local trusted = role == 'server' or role == 'owner' or role == 'admin'
if not message or (not trusted and tonumber(seq) < tonumber(joined)) then return { -2 } end
if not trusted and message.from ~= by then return { -5 } end
if done then return { 0, int(done.at), 1, here, '', stored } end
local age = math.floor((now - message.ts) / 1000)
if not trusted and age >= tonumber(window_sec) then return { -6, window_sec, age } end

local tombstone = cjson.encode({
  conversationId = id, seq = message.seq, msgId = message.msgId, ts = message.ts, from = message.from,
  clientMsgId = message.clientMsgId, type = 'revoked', traceId = message.traceId,
  revoked = { by = by, at = now, reason = reason ~= '' and reason or nil }
})
local body = '{' .. draft .. ',"ts":' .. int(now) .. ',"conversationId":"' .. id .. '","data":{"conversationId":"' .. id .. '","seq":' .. seq ..
  ',"msgId":"' .. message.msgId .. '","by":"' .. by .. '","revokedAt":' .. int(now) .. '}}'
redis.call('HSET', log, seq, tombstone)
local all = members_in(members)
for i = 1, #all, 2 do
  local user = all[i]
  local _, first, tag = member_of(all[i + 1])
  if tonumber(first) <= tonumber(seq) then
    local unread = user_key(tag, 'CHAT_MSG_BOX', user)
    if redis.call('ZREMRANGEBYSCORE', unread .. ':' .. id, seq, seq) > 0 and redis.call('HINCRBY', unread, id, -1) <= 0 then
      redis.call('HDEL', unread, id)
    end
    deliver_to(user, all[i + 1], { 'k', 'event', 'b', body }, body)
  end
end
return { 0, int(now), 0, here, body, tombstone }
