package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// Ports are taken from below the range that kernels hand out to outgoing connections (32768 and up on Linux):
// there, a port that was free a moment ago may be anybody's.
const firstPort, lastPort = 20000, 30000

// ports finds free ports, none of them twice and none that another cluster owns, be it running or not.
type ports struct{ taken []int }

func (h home) newPorts() (*ports, error) {
	names, err := h.names()
	if err != nil {
		return nil, err
	}
	p := &ports{}
	for _, name := range names {
		other, err := h.open(name)
		if err != nil {
			continue // being made or removed: what it listens on already, the look at the port finds
		}
		p.taken = append(p.taken, other.state.Ports.Etcd, other.state.Ports.EtcdPeer, other.state.Ports.APIServer)
	}
	return p, nil
}

// next is a port that nothing listens on, on any loopback address.
func (p *ports) next(ctx context.Context) (int, error) {
	const tries = 1000
	for range tries {
		port := firstPort + rand.IntN(lastPort-firstPort) //nolint:gosec // chosen to differ from others', not to be secret
		if slices.Contains(p.taken, port) {
			continue
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		p.taken = append(p.taken, port)
		return port, nil
	}
	return 0, fmt.Errorf("find a free port: none in %d tries between %d and %d", tries, firstPort, lastPort)
}
