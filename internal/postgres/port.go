package postgres

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the ranges that systems give to outgoing
// connections, so that a port stays free while PostgreSQL is down. 5432 is
// outside: it belongs to whatever PostgreSQL the machine has.
const (
	firstPort = 20000
	lastPort  = 31999
)

// freePort returns the preferred port if it is in range and free on loopback,
// or else another one.
func freePort(preferred int) (int, error) {
	if preferred >= firstPort && preferred <= lastPort && portFree(preferred) {
		return preferred, nil
	}
	for range 200 {
		if port := firstPort + rand.IntN(lastPort-firstPort+1); portFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on 127.0.0.1 between %d and %d: none in 200 tries", firstPort, lastPort)
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
