// Socket.IO with its Redis Streams adapter, as its manual has it: rooms are users and groups, messages come by event or by POST.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const [port, redisPort] = process.argv.slice(2).map(Number)

const http = createServer((request, response) => {
  let body = ''
  request.on('data', part => { body += part }).on('end', () => {
    const to = /^\/pub\/([\w.-]+)$/.exec(request.url)?.[1]
    if (to !== undefined) io.to(to).emit('MSG_DOWN', JSON.parse(body))
    response.writeHead(to === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end('{}')
  })
})
const io = new Server(http, { adapter: createAdapter(new Redis(redisPort)), connectionStateRecovery: {} })
io.on('connection', socket => {
  socket.join(socket.handshake.query.user)
  socket.on('MSG_UP', (message, answer) => {
    io.to(message.to).emit('MSG_DOWN', message)
    answer({ clientMsgId: message.clientMsgId })
  })
})
http.listen(port, '127.0.0.1')
