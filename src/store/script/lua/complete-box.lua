-- complete-box.lua - a terminal completes items by exact id, or the server
-- cancels them. [COMPLETE-1] [COMPLETE-2] [COMPLETE-4] [COMPLETE-5]
-- USES life down event hint deliver box (the sender's stream when he asked to be told: standalone Redis only)
-- FULL done
-- KEYS box order expiry waiting done deliveries collapse shares once
-- ARGV feed downEntries downIdleMs node seenMark name user tag terminal op(complete|cancel|shown) traceId nonce keepMs
-- then id ...
-- RETURNS 0 here state(completed|share|already|unknown|expired) ...
-- share: this terminal's part is done, others' are not. shown: what needs no completion was shown from the box, and nobody is told. [BOX-1]
local name, user, tag, terminal, op, trace_id, nonce, keep_ms = unpack(ARGV, 6)
sweep(keep_ms)

local epoch -- of his stream, once it is known
local function tell_end_of (id, meta)
  local rest = '"needComplete":false,"ts":' .. int(now) .. ',"traceId":"' .. trace_id .. '","op":"'
  local body
  if name == 'CMD_BOX' then
    body = '{"cmdId":"' .. id .. '","name":"' .. (meta.name or '') .. '","data":{},' .. rest .. op .. '"}'
  else
    body = '{"noticeId":"' .. id .. '","kind":"' .. (meta.kind or 'notice') .. '","content":{},' .. rest .. op .. '"}'
  end
  epoch = deliver(user, tag, { 'k', 'event', 'b', body, 'x', terminal, 'n', name }, body, epoch)
  if not meta.notify then return end
  local data = '{"cmdId":"' .. id .. '","clientCmdId":"' .. meta.clientCmdId .. '","userId":"' .. user ..
    '","completedAt":' .. int(now) .. '}'
  local told = '{"cmdId":"' .. id .. nonce .. '","name":"CMD_COMPLETE","data":' .. data .. ',' .. rest .. 'do"}'
  deliver(meta.from, meta.fromTag, { 'k', 'event', 'b', told }, told)
end

local kind = name == 'CMD_BOX' and 'command.completed' or 'notice.completed'
local function announce_completed (id, meta)
  local what = name == 'NOTICE_BOX' and '"noticeId":"' .. id or '"cmdId":"' .. id .. (meta.name and '","name":"' .. meta.name or '')
  announce(kind, '"ts":' .. int(now) .. ',' .. what .. '","userId":"' .. user .. '","terminalId":"' .. terminal ..
    '","traceId":"' .. trace_id .. '"')
end

local function complete (id)
  local ended = redis.call('ZMSCORE', done, 'c:' .. id, 'e:' .. id)
  if ended[1] or ended[2] then return ended[1] and 'already' or 'expired' end
  local stored = redis.call('HGET', box, id)
  if not stored then return 'unknown' end
  local waits = redis.call('HGET', waiting, id)
  if waits and op == 'complete' then
    local mine = string.find(waits, ',' .. terminal .. ',', 1, true)
    if not mine then return 'already' end
    waits = string.sub(waits, 1, mine) .. string.sub(waits, mine + #terminal + 2)
    write('HSET', waiting, id, waits)
    if waits ~= ',' then return 'share' end
  end
  forget(id, op == 'cancel' and 'e' or 'c', keep_ms)
  local meta = op ~= 'shown' and meta_of(stored, id)
  if op == 'complete' and is_told(kind) then announce_completed(id, meta) end
  if meta then tell_end_of(id, meta) end
  return 'completed'
end

local states = {}
for i = 14, #ARGV do states[#states + 1] = complete(ARGV[i]) end
settle_box(keep_ms)
return { 0, said(), unpack(states) }
