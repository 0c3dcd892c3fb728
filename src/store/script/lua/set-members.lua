-- set-members.lua - creates, replaces or changes a group's members; what leaving and joining do to their users.
-- USES life down member direct membership
-- FULL refused (who only removes or closes: done)
-- KEYS conversation members left
-- ARGV downEntries downIdleMs node seenMark id mode(put|change) title ext maxMembers close maxLeft logMs
-- then user role tag muted ... (see wanted_in)
-- RETURNS 0 created(0|1) headSeq closedAt members
-- Users' keys are built from their partition: standalone Redis only.
local conversation, members, left = unpack(KEYS)
local id, mode, title, ext, max_members, close, max_left, log_ms = unpack(ARGV, 5)
local kind, closed, head = unpack(redis.call('HMGET', conversation, 'kind', 'closedAt', 'headSeq'))
head = number_of(head, conversation .. ' headSeq', 2 ^ 53 - 1) or 0
if #unreadable > 0 then return unsound end -- seqs would be given anew
if not kind and mode ~= 'put' then return { -1 } end
if closed and close == '1' then return { 0, 0, head, closed, redis.call('HLEN', members) } end
if closed then return { -3 } end

local wanted, count = wanted_in(13, members), redis.call('HLEN', members)
local now_in = redis.call('HGETALL', members)
if mode == 'put' then
  for i = 1, #now_in, 2 do
    if not wanted[now_in[i]] then wanted[now_in[i]] = { '-', (select(3, member_of(now_in[i + 1]))) } end
  end
end
for user, change in pairs(wanted) do
  local is_in = redis.call('HEXISTS', members, user) == 1
  if change[1] == '-' and is_in then count = count - 1 elseif change[1] ~= '-' and not is_in then count = count + 1 end
end
if count > tonumber(max_members) then return { -7 } end

if not kind then
  local epoch = new_epoch(string.match(conversation, '{(%d+)}'))
  redis.call('HSET', conversation, 'kind', 'group', 'epoch', epoch, 'createdAt', int(now))
end
if mode == 'put' then redis.call('HSET', conversation, 'title', title, 'ext', ext) end
if close == '1' then
  redis.call('HSET', conversation, 'closedAt', int(now))
  redis.call('PERSIST', conversation) -- a direct one, too, stays closed
end
for user, change in pairs(wanted) do
  local role, tag, muted = unpack(change)
  local before = redis.call('HGET', members, user)
  local old_role, first, old_tag, writer, known, bar = member_of(before)
  if before and not old_role then before = nil, skip(members .. ' ' .. user) end
  if role == '-' then redis.call('HDEL', members, user) end
  if role == '-' and before then
    redis.call('HSET', left, user, first .. ' ' .. int(head) .. ' ' .. int(now))
    leave_group(user, tag, field_of(conversation), log_ms)
  elseif role ~= '-' then
    if role == '=' then role = old_role or 'member' end
    if muted ~= '' then bar = muted ~= '0' and muted or '' end
    redis.call('HSET', members, user, member_text(role, first or int(head + 1), old_tag or tag, writer or '', known or '', bar or ''))
    if not before then
      redis.call('HDEL', left, user)
      join_group(user, tag, id)
    end
  end
end
trim_left(left, tonumber(max_left))
return { 0, kind and 0 or 1, head, close == '1' and int(now) or '', count }
