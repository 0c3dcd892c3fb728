-- receipt.lua - prelude after down, event, member and log: whom a reading concerns, and what each of them is told. [READ-3]
local bodies = {} -- one for each of `here`
local told_count = 0

local function tell (user, stored, body, except)
  stamp() -- first: what `deliver` adds to `here` is counted
  local entry, before = { 'k', 'event', 'b', body }, #here
  if except then entry[5], entry[6] = 'x', except end
  local _, _, tag, _, known = member_of(stored)
  deliver(user, tag, entry, body, known)
  told_count = told_count + 1
  if #here > before then bodies[#bodies + 1] = body end
end

-- The members of a receipt as one may see it who joined at `first`: nothing from before is named.
local function receipt_of (reader, seq, taken, first)
  local visible = {}
  for _, one in ipairs(taken) do if tonumber(one) >= first then visible[#visible + 1] = one end end
  local listed = #visible > 0 and ',"seqs":[' .. table.concat(visible, ',') .. ']' or ''
  return '"readerId":"' .. reader .. '","readSeq":' .. int(seq >= first and seq or 0) .. listed .. ',"readAt":' .. int(now)
end

-- The other side of a direct conversation; nobody when the reader has blocked him: he learns nothing more. [DIRECT-4]
local function others_of (members, reader)
  local found, all = {}, members_in(members)
  for i = 1, #all, 2 do
    if all[i] ~= reader and select(6, member_of(all[i + 1])) ~= 'b' then found[all[i]] = all[i + 1] end
  end
  return found
end

-- The senders of these messages, as far as they may still see them. Read by the hundred: one call for each would cost more.
local function senders_of (members, log, reader, seqs)
  local found, all = {}, {}
  local stored = members_in(members)
  for i = 1, #stored, 2 do all[stored[i]] = stored[i + 1] end
  for i = 1, #seqs, 100 do
    for n, record in ipairs(redis.call('HMGET', log, unpack(seqs, i, math.min(i + 99, #seqs)))) do
      local from = sender_in(record)
      local _, first = member_of(from and from ~= reader and all[from])
      if first and tonumber(first) <= tonumber(seqs[i + n - 1]) then found[from] = all[from] end
    end
  end
  return found
end

-- Whom a receipt from `low` to `new` concerns. In a group the senders of what it covers, of very many the newest: the script must stay
-- short. [COST-1]
local function watching_of (talk, reader, taken, low, new)
  if talk.peers then return talk.peers end
  local covered = { unpack(taken) }
  for seq = math.max(low, talk.head - redis.call('HLEN', talk.log) + 1, new - 1999), new do covered[#covered + 1] = int(seq) end
  return senders_of(talk.members, talk.log, reader, covered)
end

local function announce_read (id, reader, seq, taken, draft)
  if not is_told('message.read') then return end
  announce('message.read', '"ts":' .. int(now) .. ',"conversationId":"' .. id .. '","userId":"' .. reader .. '","readSeq":' .. int(seq) ..
    list_text('seqs', taken, '') .. trace_in(draft))
end
