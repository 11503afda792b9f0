package realnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// Forwarder is the process by which pods reach the API server, as they would by way of kube-proxy. The bridge has the
// address of the service; who listens there is on this machine, as the API server is.
func (c Config) Forwarder() process.Spec {
	server := c.Server
	if parsed, err := url.Parse(c.Server); err == nil {
		server = parsed.Host
	}
	return process.Spec{
		Name:       "kubernetes-service",
		Executable: c.Launcher,
		Args:       []string{"forward", identity(c.Group), c.Service.String(), server},
	}
}

// Forward hands on each connection that comes to an address by way of a network interface, and is none of another
// cluster's with the same address, to an address that this process reaches. It returns when the context ends.
func Forward(ctx context.Context, device, from, to string) error {
	bind := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) error {
		var bound error
		err := socket.Control(func(fd uintptr) { bound = unix.BindToDevice(int(fd), device) })
		return errors.Join(err, bound)
	}}
	listener, err := bind.Listen(ctx, "tcp4", from)
	if err != nil {
		return fmt.Errorf("forward from %s: %w", from, err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })() // the only way to end Accept
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("forward from %s: %w", from, err)
		}
		go handOn(ctx, connection, to)
	}
}

// handOn connects somebody with an address until both sides have said all. A side that breaks off is seen by the other:
// nobody else needs to know.
func handOn(ctx context.Context, connection net.Conn, to string) {
	defer connection.Close() //nolint:errcheck // see above
	server, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // see above
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{server, connection}, {connection, server}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			if end, ok := way[0].(*net.TCPConn); ok {
				_ = end.CloseWrite()
			}
		})
	}
	both.Wait()
}
