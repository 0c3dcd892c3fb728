-- serve.lua - prelude after down, member and direct: what a message does to a member: his list, his box, his stream. [MSG-3]
-- message: id from terminal(the sender's) seq, as text `place`, ts epoch nonce body silent trimmed(seqs up to it have left the log); of a
-- direct conversation: `ends`, and whether that has `moved`. Its `entry` and the sender's `own` are made here.
local function serve (message, members, user, stored)
  local id, ends = message.id, message.ends
  local member, _, tag, spoke, known = member_of(stored)
  if not member then return skip(members .. ' ' .. user) end -- the others have their message all the same
  local unread, is_own, first = user_key(tag, 'CHAT_MSG_BOX', user), user == message.from, false
  local box = unread .. ':' .. id
  redis.call('ZADD', user_key(tag, 'CONVERSATIONS', user), message.ts, id)
  if not is_own and not message.silent then
    redis.call('ZADD', box, message.seq, message.seq .. ':' .. message.ts)
    first = redis.call('HINCRBY', unread, id, '1') == 1
  end
  if ends and (message.moved or first) then
    redis.call('PEXPIREAT', box, ends)
    end_keys(user, tag, ends, message.moved and own_keys or { 'CHAT_MSG_BOX' })
  end
  if message.trimmed > 0 then
    local gone = redis.call('ZREMRANGEBYSCORE', box, '-inf', message.trimmed)
    if gone > 0 and redis.call('HINCRBY', unread, id, -gone) <= 0 then redis.call('HDEL', unread, id) end
  end
  local served = string.match(deliver(user, tag, is_own and message.own or message.entry, message.body, known), '^%d+')
  local speaks = is_own and spoke == '' -- for the first time
  if speaks and not ends then redis.call('SADD', user_key(tag, 'GROUPS', user) .. ':SPOKEN', id) end
  if speaks or served ~= known then redis.call('HSET', members, user, member .. (speaks and 'w' or spoke) .. ' ' .. served) end
end

local function serve_all (message, members, all)
  local id, place = message.id, message.place
  -- one field, words in it: each more would cost Redis as much again. Without the nonce it could lead to a message of another life
  local nonce = message.ends and message.nonce or ''
  message.entry = { 'm', id .. ' ' .. place .. (nonce == '' and '' or ' ' .. nonce) }
  message.own = { 'm', table.concat({ id, place, nonce, message.terminal, message.epoch }, ' ') }
  for i = 1, #all, 2 do serve(message, members, all[i], all[i + 1]) end
end
