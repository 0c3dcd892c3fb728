-- append-message.lua - decides a send in one step: duplicate? sequenced, logged, in every member's stream. [MSG-1] to [MSG-5]
-- USES life down member direct serve memo (member keys are built from the members' hash: standalone Redis only)
-- FULL refused
-- KEYS conversation members log memos
-- ARGV downEntries downIdleMs node seenMark id from terminal field fingerprint draft nonce quoteSeq silent create dedupeMs logMessages logMs newDirect
-- RETURNS status(0 stored, 1 duplicate) seq msgId ts epoch here[] opened(0|1)
-- -9 carries after how many ms another conversation may be opened.
local conversation, members, log, memos = unpack(KEYS)
local id, from, terminal, field, fingerprint, draft, nonce, quote, silent, create, dedupe_ms, log_messages, log_ms, new_direct = unpack(ARGV, 5)

local kind, closed, head, last_ts, epoch = unpack(redis.call('HMGET', conversation, 'kind', 'closedAt', 'headSeq', 'lastTs', 'epoch'))
local seq = (number_of(head, conversation .. ' headSeq', 2 ^ 53 - 1) or 0) + 1
epoch = number_of(epoch, conversation .. ' epoch') or 0
last_ts = number_of(last_ts, conversation .. ' lastTs', 2 ^ 42) or 0 -- as no time of a life is later
local is_sound = #unreadable == 0
local memo = memo_of(memos, field, tonumber(dedupe_ms), last_ts, seq)
if memo.stored then return duplicate_of(memo, fingerprint) end
local named = #unreadable -- a hash of memos that is none is not needed
local all = redis.call('HGETALL', members)
if not is_sound or #unreadable > named then return unsound end
if not kind and create == '' then return { -1 } end
local sender = from ~= 'system' and redis.call('HGET', members, from)
-- of a closed direct conversation nothing but that may be left
if closed and (sender or from == 'system' or create ~= '') then return { -3 } end
if kind and from ~= 'system' and not sender then return { -1 } end
local _, joined = member_of(sender or '')
if sender and not joined then return { -1, skip(members .. ' ' .. from) } end
if quote ~= '0' and (tonumber(quote) < tonumber(joined or 1) or redis.call('HEXISTS', log, quote) == 0) then return { -2 } end

local wait = not kind and refuse_opening(create, new_direct)
if wait then return { -9, int(wait) } end
if not kind then epoch, all = open_direct(conversation, members, id, create), redis.call('HGETALL', members) end
epoch = int(math.max(epoch, life * 4096))
local ts, place = int(math.max(now, last_ts)), int(seq) -- text: Redis' own conversion of a number (%.17g) costs as much as a lookup
local msg_id = string.format('%011x%08x', ts, seq) .. nonce
local body = '{"conversationId":"' .. id .. '","seq":' .. place .. ',"msgId":"' .. msg_id .. '","ts":' .. ts .. ',' .. draft .. '}'
local trimmed = seq - tonumber(log_messages)
redis.call('HSET', conversation, 'headSeq', place, 'lastTs', ts)
redis.call('HSET', log, place, body)
if trimmed > 0 then redis.call('HDEL', log, trimmed) end
remember(memo, { print = fingerprint, seq = seq, ts = ts, nonce = nonce, epoch = epoch }, dedupe_ms)

local ends = kind ~= 'group' and ends_at(ts, log_ms)
local moved = ends and ends ~= ends_at(last_ts, log_ms)
local entry = { 'k', 'msg', 'c', id, 's', place }
local own = { 'k', 'msg', 'c', id, 's', place, 't', terminal, 'e', epoch }
if ends then entry[7], entry[8], own[11], own[12] = 'm', nonce, 'm', nonce end -- else it could lead to a message of another life
local message = {
  id = id, from = from, seq = place, ts = ts, body = body, entry = entry, own = own, silent = silent == '1', trimmed = trimmed, ends = ends, moved = moved
}
stamp() -- also when nobody is left to be served
for i = 1, #all, 2 do serve(message, members, all[i], all[i + 1]) end
if moved then for _, key in ipairs({ conversation, members, log }) do redis.call('PEXPIREAT', key, ends) end end
return { 0, seq, msg_id, ts, epoch, here, kind and 0 or 1 }
