-- log.lua - prelude: the form of a record of a log. What its key and its field say, or its time, is not kept again. [DOWN-2] [REVOKE-2]
-- `<ts, 11 hex digits><nonce> <from> <clientMsgId> <type> <traceId> <content, and what stands behind it, as JSON
-- members without its name>`; of one that is revoked `revoked` stands where `content` did. record.ts reads the same.
local RECORD = '^(%x%x%x%x%x%x%x%x%x%x%x)(%w*) ([%w_-]+) ([%w_.:-]+) (%l+) ([%w_.-]+) ([^\r\n]+)$'
local function msg_id_of (ts, seq, nonce) return string.format('%011x%08x', ts, seq) .. nonce end

local function packed (message)
  local sent = string.format('%011x', message.ts) .. message.nonce
  return table.concat({ sent, message.from, message.client_id, message.type, message.trace, message.rest }, ' ')
end

-- tail: what of a record stands behind its nonce.
local function record_of (ts, nonce, tail) return string.format('%011x', ts) .. nonce .. ' ' .. tail end

-- nil for what is no record.
local function message_in (record)
  local ts, nonce, from, client_id, type, trace, rest = string.match(record or '', RECORD)
  return ts and { ts = tonumber(ts, 16), nonce = nonce, from = from, client_id = client_id, type = type, trace = trace, rest = rest }
end

-- When a message was sent; nil for what is no record.
local function sent_in (record) return tonumber(string.match(record or '', '^%x%x%x%x%x%x%x%x%x%x%x') or '', 16) end

local function sender_in (record) return string.match(record or '', '^%x+%w* ([%w_-]+) ') end

local function rest_of (message) return (message.type == 'revoked' and '"revoked":' or '"content":') .. message.rest end

-- What is sent down, and what it was before it was packed.
local function body_of (id, seq, message)
  return '{"conversationId":"' .. id .. '","seq":' .. seq .. ',"msgId":"' .. msg_id_of(message.ts, seq, message.nonce) ..
    '","ts":' .. int(message.ts)
    .. ',"from":"' .. message.from .. '","clientMsgId":"' .. message.client_id .. '","type":"' .. message.type .. '",' .. rest_of(message)
    .. ',"traceId":"' .. message.trace .. '"}'
end
