-- sent.lua - prelude after event, serve and log: what a back end is told of a message, with all whom it finds away. [EVENT-2] [EVENT-6]
local function announce_sent (message, tail)
  local kind, trace = string.match(tail, '^%S+ %S+ (%S+) (%S+)')
  announce('message.sent', '"ts":' .. message.ts .. ',"conversationId":"' .. message.id .. '","seq":' .. message.place .. ',"msgId":"' ..
    msg_id_of(tonumber(message.ts), message.seq, message.nonce) .. '","from":"' .. message.from .. '","messageType":"' .. kind ..
    (message.silent and '","silent":true' or '"') .. ',"traceId":"' .. trace .. '","offline":[' ..
    table.concat(message.offline, ',') .. ']')
end

-- A direct conversation has begun with its first message. users: `<user>/<partition>` of both.
local function announce_opened (message, users, tail)
  local a, b = string.match(users, '^(%S+)/%d+ (%S+)/')
  announce('conversation.changed', '"ts":' .. message.ts .. ',"conversationId":"' .. message.id .. '","kind":"dm","change":"opened"' ..
    ',"added":[{"userId":"' .. a .. '","role":"member"},{"userId":"' .. b .. '","role":"member"}]' ..
    traced(string.match(tail, '^%S+ %S+ %S+ (%S+)')))
end

-- Serves a message to all members and tells of it. It is logged and remembered by now: whatever befalls a member, it is sent.
local function serve_and_tell (message, members, all, send)
  message.offline = is_told('message.sent') and {}
  local is_served, why = pcall(serve_all, message, members, all)
  if message.opened and is_told('conversation.changed') then announce_opened(message, send.create, send.tail) end
  if message.offline then announce_sent(message, send.tail) end
  if not is_served then error(why, 0) end
end
