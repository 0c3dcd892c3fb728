-- serve.lua - prelude after deliver, log, leaving and offline: what a message does to its members: a count, an entry in the stream. [MSG-3]
-- message: id log from terminal(the sender's) seq, as text `place`, ts epoch nonce record silent is_direct; `field`: of the conversation in
-- a user's counts; `writer`: the sender's number; what leaves the log before it: `trimmed`, up to which seq by their number, `gone`,
-- false for nothing that counted; `ends`: when the log does, and whether that has `moved`; is_listed: it is the first of its minute, see
-- listed.ts; `offline`: where those are noted who are away, nil where nobody asks. Made here: its `entry` and the sender's `own`;
-- `nodes`: those that are told without looking for routes; `body`, where one is told.
local WIDE = 16 -- to tell a node costs as much as to look for the routes of so many users

local function hint_member (message, user, tag, id, entry)
  local nodes = message.nodes
  if not nodes then return hint_routes(user, tag, id, entry, message.body) end
  here[#here + 1], here[#here + 2] = user, id
  for i = 1, #nodes do hint_node(nodes[i], user, tag, id, entry, message.body) end
end

local function serve (message, members, user, stored)
  local id, ends, field = message.id, message.is_direct and message.ends, message.field
  local role, joined, tag, writer, known, bar = member_of(stored)
  if not tag then return skip(members .. ' ' .. user) end -- the others have their message all the same
  local is_own, is_first = user == message.from, false
  local entry = is_own and message.own or message.entry
  local is_due = message.is_listed or known == '' -- the first that he is served
  local is_new = is_due and redis.call('ZADD', user_key(tag, 'CONVERSATIONS', user), message.ts, id) == 1
  if message.gone then let_go(message, user, stored) end
  if not is_own and not message.silent then is_first = redis.call('HINCRBY', user_key(tag, 'CHAT_MSG_BOX', user), field, '1') == 1 end
  if message.offline and not is_own then note_offline(message.offline, user, tag) end
  if ends and message.moved then redis.call('PEXPIREAT', user_key(tag, 'RESET_READ_NUM_AND_LAST_MSG', user) .. ':' .. id, ends) end
  local is_later = message.moved or is_new
  if ends and (is_later or is_first) then end_keys(user, tag, ends, is_later and own_keys or { 'CHAT_MSG_BOX' }) end
  local entered, served = enter(user, tag, entry, known)
  hint_member(message, user, tag, entered, entry)
  local speaks = is_own and writer == '' -- for the first time
  if speaks and not ends then redis.call('SADD', user_key(tag, 'GROUPS', user) .. ':SPOKEN', id) end
  if speaks then writer = int(message.writer) end
  if speaks or served ~= known then redis.call('HSET', members, user, member_text(role, joined, tag, writer, served, bar)) end
end

local function serve_all (message, members, all)
  local id, seq, place = message.id, message.seq, message.place
  local index, nodes = message.log .. ':INDEX:', other_nodes()
  -- one field, words in it: each more would cost Redis as much again. Without the nonce it could lead to a message of another life
  local nonce = message.is_direct and message.nonce or ''
  message.entry = { 'm', id .. ' ' .. place .. (nonce == '' and '' or ' ' .. nonce) }
  message.own = { 'm', id .. ' ' .. place .. ' ' .. nonce .. ' ' .. message.terminal .. ' ' .. message.epoch }
  message.nodes, message.body = #all / 2 >= WIDE * #nodes and nodes, nodes[1] and body_of(id, place, message_in(message.record))
  note(index, seq, message.silent and 0 or message.writer, tonumber(message.ts))
  if message.moved then
    for n = block_of(math.max(1, message.trimmed)), block_of(seq) do redis.call('PEXPIREAT', index .. n, message.ends) end
  elseif offset_of(seq) == 0 then redis.call('PEXPIREAT', index .. block_of(seq), message.ends) end
  -- each by himself: it is logged and remembered by now, and who sends it again is told that it is stored
  for i = 1, #all, 2 do
    if not pcall(serve, message, members, all[i], all[i + 1]) then skip(members .. ' ' .. all[i]) end
  end
end
