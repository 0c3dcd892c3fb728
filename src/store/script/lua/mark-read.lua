-- mark-read.lua - READ and REST_READ_NUM_AND_LAST_MSG of one conversation. [READ-1] to [READ-5] [REST-1] [REST-2]
-- USES life down event member hint deliver log receipt direct index unread reading aging total rate (tells users: standalone Redis only)
-- FULL done
-- KEYS conversation members log taken unread marker rate
-- ARGV feed downEntries downIdleMs node seenMark id reader terminal upTo seqs public unreadMark draft logMs emissionUs burst
--   toldPerUnit isSettled
-- RETURNS 0(1: age-log.lua comes first) readSeq unread totalUnread(public; empty: many) headSeq unreadMark here bodies[](of `here`) units
-- units: what it weighs more than was known when it was admitted, by how many were told [COST-1]
-- marker: `<readSeq> <receiptSeq> <unreadMark>`; the receipt is what others were told, so a private mark does not swallow it.
local conversation, members, log, taken_key, unread, marker, rate = unpack(KEYS)
local id, reader, terminal, up_to, seqs, public, unread_mark, draft, log_ms, emission_us, burst, told_per_unit, is_settled = unpack(ARGV, 6)

local member = redis.call('HGET', members, reader)
if not member then return { -1 } end
local _, joined, tag = member_of(member)
if not tag then return { -1, skip(members .. ' ' .. reader) } end
local facts, kept = facts_of(conversation), kept_from(now, log_ms)
if is_settled == '0' and is_due(facts, kept) and not is_dry then return { 1 } end
local head, is_direct = number_of(facts[1], conversation .. ' headSeq') or 0, string.sub(id, 1, 3) == 'dm.'
local read, receipt, marked = parts_of(redis.call('HGET', marker, id), '^(%d+) (%d+) (%d)$', 2, marker .. ' ' .. id)
if not read then read, receipt, marked = '0', '0', '0' end -- what cannot be read begins anew
local to = up_to == '' and 0 or math.min(tonumber(up_to), head)
local new_read, new_receipt = math.max(read, to), tonumber(receipt)
if public == '1' then new_receipt, unread_mark = math.max(new_receipt, to), '0' -- READ takes it [REST-1]
elseif unread_mark == '' then unread_mark = marked end

local view = view_of(conversation, member, tonumber(read), taken_key, facts)
local taken = take_singly(view, seqs, is_direct and ends_at(now, log_ms))
local count, is_new = read_up_to(view, to, unread, field_of(conversation), taken)
if is_new then end_keys(reader, tag, ends_at(now, log_ms), { 'CHAT_MSG_BOX' }) end
local total = public == '1' and (total_unread(unread, kept, '0', true) or '') or 0
local own_moved = new_read > tonumber(read) or #taken > 0 or unread_mark ~= marked
local told = new_receipt > tonumber(receipt) or (public == '1' and #taken > 0)
local peers = told and is_direct and others_of(members, reader)
local public_seq, is_hidden = new_receipt, peers and not next(peers)
if is_hidden then new_receipt, told = tonumber(receipt), false end -- it is told when the block has ended
if not (own_moved or told) then return { 0, int(new_read), count, total, head, unread_mark, said(), {}, 0 } end

if redis.call('HSET', marker, id, int(new_read) .. ' ' .. int(new_receipt) .. ' ' .. unread_mark) == 1 then
  end_keys(reader, tag, ends_at(now, log_ms), { 'RESET_READ_NUM_AND_LAST_MSG' })
end
if told or is_hidden then announce_read(id, reader, public_seq, taken, draft) end
local function event (data)
  return '{' .. draft .. ',"ts":' .. int(now) .. ',"conversationId":"' .. id .. '","data":{"conversationId":"' .. id .. '",' .. data .. '}}'
end
local talk = { peers = peers, members = members, log = log, head = head }
local watching = told and watching_of(talk, reader, taken, math.max(receipt + 1, joined), new_receipt) or {}
-- others learn of the receipt only, a private mark beyond it is not theirs to know [REST-2]
for user, stored in pairs(watching) do
  local _, first = member_of(stored)
  tell(user, stored, event(receipt_of(reader, new_receipt, taken, tonumber(first))))
end
local units = math.max(0, math.ceil(told_count / told_per_unit) - 1)
if units > 0 then take(rate, pace(tonumber(emission_us), tonumber(burst), MAX_UNITS), units) end
local own = receipt_of(reader, new_read, taken, 1) .. (unread_mark ~= marked and ',"unreadMark":false' or '')
if public == '0' then own = '"readSeq":' .. int(new_read) .. ',"unread":' .. count .. ',"unreadMark":' .. tostring(unread_mark == '1') end
if own_moved then tell(reader, member, event(own), terminal) end
return { 0, int(new_read), count, total, head, unread_mark, said(), bodies, units }
