-- set-members.lua - creates, replaces or changes a group's members; what leaving and joining do to their users.
-- USES life down event member direct membership changes sight
-- FULL refused (who only removes, closes, or changes who is a member: done)
-- KEYS conversation members left
-- ARGV feed downEntries downIdleMs node seenMark id mode(put|change) title ext maxMembers close maxLeft logMs traceId
-- then user role tag muted ... (see wanted_in)
-- RETURNS 0 created(0|1) headSeq closedAt members
-- Users' keys are built from their partition: standalone Redis only.
local conversation, members, left = unpack(KEYS)
local id, mode, title, ext, max_members, close, max_left, log_ms, trace_id = unpack(ARGV, 6)
local kind, closed, head, old_title, old_ext = unpack(redis.call('HMGET', conversation, 'kind', 'closedAt', 'headSeq', 'title', 'ext'))
head = number_of(head, conversation .. ' headSeq', 2 ^ 53 - 1) or 0
if #unreadable > 0 then return unsound end -- seqs would be given anew
if not kind and mode ~= 'put' then return { -1 } end
if closed and close == '1' then return { 0, 0, head, closed, redis.call('HLEN', members) } end
if closed then return { -3 } end

local rows, order = rows_of(members)
local wanted = wanted_in(15, rows)
if mode == 'put' then remove_others(wanted, rows, order) end
local changes = changes_of(wanted, rows)
local count = #order + changes.more
if count > tonumber(max_members) then return { -7 } end

local is_updated = mode == 'put' and (title ~= (old_title or '') or ext ~= (old_ext or ''))
local change = not kind and 'created' or close == '1' and 'closed' or is_updated and 'updated' or changes.any and 'members'
if change and is_told('conversation.changed') then
  announce_changed(id, kind or 'group', change, title ~= (old_title or '') and title or '', changes, trace_id)
end
if not kind then
  local epoch = new_epoch(string.match(conversation, '{(%d+)}'))
  redis.call('HSET', conversation, 'kind', 'group', 'epoch', epoch, 'createdAt', int(now))
end
if mode == 'put' then redis.call('HSET', conversation, 'title', title, 'ext', ext) end
if close == '1' then
  redis.call('HSET', conversation, 'closedAt', int(now))
  redis.call('PERSIST', conversation) -- a direct one, too, stays closed
end
local group = { members = members, left = left, id = id, field = field_of(conversation), head = head, log_ms = log_ms }
local joined = {}
for _, each in ipairs(wanted) do
  local row = rows[each.user]
  if each.role ~= '-' and not (row and row.role) then joined[#joined + 1] = each.user end
  change_member(group, each, row)
end
trim_left(left, tonumber(max_left))
show_sight(conversation, id, 'lost', changes.removed)
show_sight(conversation, id, 'found', joined)
return { 0, kind and 0 or 1, head, close == '1' and int(now) or '', count }
