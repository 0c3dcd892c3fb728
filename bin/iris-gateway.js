#!/usr/bin/env node
// The command `iris-gateway`, as npm links it.
import '../build/src/server.js'
