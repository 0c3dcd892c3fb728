-- memo.lua - prelude after down: what was made of a clientMsgId, kept for dedupe_ms and up to a day more. [MSG-2]
-- `<memos>:<day>`: field -> `<fingerprint> <seq> <ts, ms since that day began> <nonce>`, and the epoch where it is not that of field `.`.
-- field: a short digest of sender and clientMsgId. A small hash is packed by Redis. None grows beyond MOST_MEMOS, so that its end never
-- stops Redis for long: of a day that has more, each letter of the field names a hash that goes on.
local DAY, MOST_MEMOS = 86400000, 4096

local function read_memo (memo)
  if not memo.stored then return memo end
  local print, seq, passed, nonce, epoch = string.match(memo.stored, '^(%S+) (%d+) (%d+) (%w+) ?(%d*)$')
  if epoch == '' then epoch = memo.epoch end -- none when that cannot be read
  if whole_of(seq) and whole_of(passed) and whole_of(epoch) then
    memo.print, memo.seq, memo.ts, memo.nonce, memo.of = print, seq, memo.day * DAY + passed, nonce, epoch
  else skip(memo.place .. ' ' .. memo.field) end
  return memo
end

-- Where the memo of a field stands on a day, or would. seq: the next of the conversation.
local function memo_on (memos, day, field, seq)
  local place = memos .. ':' .. int(day)
  for i = 1, #field do
    local stored, epoch = unpack(redis.call('HMGET', place, field, '.'))
    local is_full = not stored and epoch and seq > MOST_MEMOS and redis.call('HLEN', place) > MOST_MEMOS
    if not is_full or i == #field then return read_memo({ place = place, day = day, field = field, stored = stored, epoch = epoch }) end
    place = place .. ':' .. string.sub(field, i, i)
  end
end

-- The memo of a field, `stored` when there is one that counts; else where it is to be written. last_ts: of the conversation.
local function memo_of (memos, field, dedupe_ms, last_ts, seq)
  local today, own = math.floor(now / DAY), nil
  -- the clock went back: what was made before is of days that are yet to come
  for day = math.floor(last_ts / DAY), math.max(today + 1, math.floor((last_ts - dedupe_ms) / DAY)), -1 do
    local memo = memo_on(memos, day, field, seq)
    if memo.stored then return memo end
  end
  for day = today, math.floor((now - dedupe_ms) / DAY), -1 do
    local memo = memo_on(memos, day, field, seq)
    if memo.stored and not (memo.ts and now - memo.ts >= dedupe_ms) then return memo end
    own = own or memo
  end
  own.stored = nil
  return own
end

-- The answer to who sends again. Of what cannot be read nobody knows what was made: it is not made twice.
local function duplicate_of (memo, fingerprint)
  if memo.print ~= fingerprint then return { -4 } end
  here[1] = redis.call('GET', mark_key) or ''
  return { 1, memo.seq, string.format('%011x%08x', memo.ts, memo.seq) .. memo.nonce, int(memo.ts), memo.of, said(), 0 }
end

local function remember (memo, stored, epoch, dedupe_ms)
  if memo.epoch then return redis.call('HSET', memo.place, memo.field, memo.epoch == epoch and stored or stored .. ' ' .. epoch) end
  redis.call('HSET', memo.place, '.', epoch, memo.field, stored)
  redis.call('PEXPIREAT', memo.place, int((memo.day + 1) * DAY + dedupe_ms))
end
