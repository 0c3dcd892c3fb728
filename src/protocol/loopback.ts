// Which addresses and names are this machine itself: asked of the address to listen on, of a peer, and of the Host of a request.

/** @returns whether only this machine reaches a host (a name or an address, without brackets and port). */
export const isLoopback = (host: string): boolean => /^(localhost|::1|(::ffff:)?127(\.\d{1,3}){3})$/i.test(host)
