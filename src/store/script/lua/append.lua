-- append.lua - prelude after sent, memo and log: decides one send:
-- duplicate? sequenced, logged, in every member's stream. [MSG-1] to [MSG-5]
-- send: the keys conversation, members, log, memos; tag(of the conversation), id, from, terminal, field, fingerprint, nonce, quote,
-- silent, create, is_users(the application may write everywhere), tail(empty: it is only asked what would come of it).
-- limits: dedupe_ms, log_messages, log_ms, new_direct, direct.
-- Returns status(0 stored, 1 duplicate, 2 would be stored) seq msgId ts epoch here opened(0|1) and how many were served; -9 carries
-- after how many ms another conversation may be opened, -14 until when he is muted.
local function append (send, limits)
  local conversation, members, log, id, from, create = send.conversation, send.members, send.log, send.id, send.from, send.create
  local skipped = #unreadable
  local facts = redis.call('HMGET', conversation, 'kind', 'closedAt', 'headSeq', 'lastTs', 'epoch', 'firstTs', 'createdAt')
  local kind, closed, head, last_ts, epoch, oldest, created = unpack(facts)
  local seq = (number_in(head, conversation, 'headSeq', 2 ^ 53 - 1) or 0) + 1
  epoch = number_in(epoch, conversation, 'epoch') or 0
  last_ts = number_in(last_ts, conversation, 'lastTs', 2 ^ 42) or 0 -- as no time of a life is later
  local is_sound = #unreadable == skipped
  local memo = memo_of(send.memos, send.field, limits.dedupe_ms, last_ts, seq)
  if memo.stored then return duplicate_of(memo, send.fingerprint) end
  local named = #unreadable -- a hash of memos that is none is not needed
  local all = redis.call('HGETALL', members)
  if not is_sound or #unreadable > named then return unsound end
  if not kind and create == '' then return { -1 } end
  local sender = from ~= 'system' and row_of(all, from)
  -- of a closed direct conversation nothing but that may be left
  if closed and (sender or from == 'system' or create ~= '') then return { -3 } end
  if kind and from ~= 'system' and not sender then return { -1 } end
  local _, joined, _, writer, _, bar = member_of(sender)
  if sender and not joined then return { -1, skip(members .. ' ' .. from) } end
  local quote, kept = send.quote, kept_from(now, limits.log_ms)
  local quotes = quote ~= '0'
  if quotes and (tonumber(quote) < tonumber(joined or 1) or (sent_in(redis.call('HGET', log, quote)) or 0) < kept) then return { -2 } end

  local refused = send.is_users and (kind and refuse_barred(bar) or not kind and refuse_opening(create, limits, send.tail == ''))
  if refused or send.tail == '' then return refused or { 2 } end
  if not kind then epoch, all = open_direct(conversation, members, id, create), redis.call('HGETALL', members) end
  epoch = int(math.max(epoch, life * 4096))
  local ts, place = int(math.max(now, last_ts)), int(seq)
  local message = {
    id = id, from = from, terminal = send.terminal, seq = seq, place = place, ts = ts, epoch = epoch, nonce = send.nonce,
    silent = send.silent == '1', field = send.tag .. '/' .. id, log = log, record = record_of(ts, send.nonce, send.tail),
    writer = from == 'system' and SYSTEM or tonumber(writer or '') or new_writer(seq), trimmed = seq - limits.log_messages,
    ends = ends_at(ts, limits.log_ms), is_direct = kind ~= 'group', opened = not kind
  }
  message.is_listed = math.floor(ts / 60000) ~= math.floor(last_ts / 60000)
  message.moved = message.ends ~= ends_at(last_ts, limits.log_ms)
  kept = kind and (whole_of(oldest) or whole_of(created) or 0) < kept and kept or 0
  local is_leaving = message.trimmed > 0 or kept > 0
  local talk = { conversation = conversation, log = log, head = seq - 1, last_ts = last_ts }
  message.gone = is_leaving and leave_log(talk, message.trimmed, kept)
  redis.call('HSET', conversation, 'headSeq', place, 'lastTs', ts)
  redis.call('HSET', log, place, message.record)
  remember(memo, send.fingerprint .. ' ' .. place .. ' ' .. int(ts - memo.day * DAY) .. ' ' .. send.nonce, epoch, limits.dedupe_ms)
  stamp() -- also when nobody is left to be served
  serve_and_tell(message, members, all, send)
  -- a group stays, its messages do not
  if message.moved then
    for _, key in ipairs(message.is_direct and { log, conversation, members } or { log }) do redis.call('PEXPIREAT', key, message.ends) end
  end
  return { 0, seq, msg_id_of(ts, seq, send.nonce), ts, epoch, said(), kind and 0 or 1, #all / 2 }
end
