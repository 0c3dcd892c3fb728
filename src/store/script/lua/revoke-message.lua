-- revoke-message.lua - replaces a message by its tombstone and tells every member who may see it. [REVOKE-1] to [REVOKE-5]
-- USES life down event member hint deliver log revoked direct index leaving (members' streams and boxes: standalone Redis only)
-- FULL done
-- KEYS conversation members log
-- ARGV feed downEntries downIdleMs node seenMark id by server seq reason windowSec draft logMs
-- RETURNS 0 revokedAt alreadyRevoked(0|1) here body tombstone
-- -6 carries windowSec and ageSec.
local conversation, members, log = unpack(KEYS)
local id, by, server, seq, reason, window_sec, draft, log_ms = unpack(ARGV, 6)

local record = redis.call('HGET', log, seq)
local message = message_in(record)
-- half a surrogate pair, which cjson refuses, can only stand in the content, and that goes: any other escape does for it
local is_read, rest = pcall(cjson.decode, message and '{' .. string.gsub(rest_of(message), '\\u[dD]%x%x%x', '\\u0020') .. '}' or '')
local function is_time (value) return type(value) == 'number' and whole_of(int(value)) == value end
local done = is_read and message.type == 'revoked' and rest.revoked
local left = done and { revoked = true } or { content = true, ext = true, mentions = true, quote = true, options = true }
if done then is_read = type(done) == 'table' and is_time(done.at) else is_read = is_read and rest.content ~= nil end
for name in pairs(is_read and rest or {}) do is_read = is_read and left[name] end
if record and not is_read then skip(log .. ' ' .. seq) end
-- what cannot be read, or has had its time, is not there
if not is_read or message.ts < kept_from(now, log_ms) then message, done = nil, nil end
-- what he has done himself is answered before it is asked whether he still may
if done and done.by == by then return { 0, int(done.at), 1, said(), '', body_of(id, seq, message) } end
local member = redis.call('HGET', members, by)
if redis.call('EXISTS', conversation) == 0 or (server == '0' and not member) then return { -1 } end
local role, joined = 'server', 0
if server == '0' then role, joined = member_of(member) end
if not role then return { -1, skip(members .. ' ' .. by) } end
local trusted = role == 'server' or role == 'owner' or role == 'admin'
if not message or (not trusted and tonumber(seq) < tonumber(joined)) then return { -2 } end
if not trusted and message.from ~= by then return { -5 } end
if done then return { 0, int(done.at), 1, said(), '', body_of(id, seq, message) } end
local age = math.floor((now - message.ts) / 1000)
if not trusted and age >= tonumber(window_sec) then return { -6, window_sec, age } end

announce_revoked(message, { id = id, seq = seq, by = by, reason = reason, draft = draft })
message.type = 'revoked'
message.rest = '{"by":"' .. by .. '","at":' .. int(now) .. (reason ~= '' and ',"reason":' .. cjson.encode(reason) or '') .. '}'
local body = '{' .. draft .. ',"ts":' .. int(now) .. ',"conversationId":"' .. id ..
  '","data":{"conversationId":"' .. id .. '","seq":' .. seq ..
  ',"msgId":"' .. msg_id_of(message.ts, seq, message.nonce) .. '","by":"' .. by .. '","revokedAt":' .. int(now) .. '}}'
redis.call('HSET', log, seq, packed(message))
local writer = strike(index_of(conversation), tonumber(seq))
local revoked = { id = id, field = field_of(conversation), gone = nothing_gone() }
if writer ~= 0 then goes(revoked.gone, tonumber(seq), writer) end
local all, entry = members_in(members), { 'k', 'event', 'b', body }
for i = 1, #all, 2 do
  local user = all[i]
  local _, first, tag, _, known = member_of(all[i + 1])
  if tonumber(first) <= tonumber(seq) then
    let_go(revoked, user, all[i + 1])
    deliver(user, tag, entry, body, known)
  end
end
return { 0, int(now), 0, said(), body, body_of(id, seq, message) }
