package realnode

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/saltside/soak-operator/hack/cluster/internal/process"
)

// All nodes and pods of a cluster are on one bridge that has no way out: packets between them stay on this machine, and
// neither forwarding nor address translation is needed. The bridge's own addresses are those of the nodes.
//
// The addresses are from the range set aside for benchmarks of networks (RFC 2544), which is in use nowhere else.
var pool = netip.MustParsePrefix("198.18.0.0/15")

const (
	// clusterBits leave room for 32 clusters on a machine.
	clusterBits = 20
	clusters    = 1 << (clusterBits - 15)
	// Most is how many nodes one cluster may have: its block has so many /24 subnets, one a node, for its pods.
	Most = 1 << (24 - clusterBits)
)

// identity is a short name for a cluster that is its own on this machine, found from nothing but its folder.
func identity(group process.Group) string {
	digest := sha256.Sum256([]byte(group))
	return "soak" + hex.EncodeToString(digest[:4])
}

// ensureBridge makes the bridge of the cluster, unless it is there, with the addresses of so many nodes and of the service.
func ensureBridge(name string, nodes int, service netip.Addr) (netip.Prefix, error) {
	// Two clusters must not choose the same block. This is a lock that every cluster on the machine knows, and it
	// leaves nothing behind.
	lock, err := os.Open("/sys/class/net")
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("choose a network: %w", err)
	}
	defer lock.Close() //nolint:errcheck // opened for its lock only
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return netip.Prefix{}, fmt.Errorf("choose a network: %w", err)
	}
	link, block, err := findBridge(name)
	if err != nil {
		return netip.Prefix{}, err
	}
	if link == nil {
		used, err := usedSubnets()
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("choose a network: %w", err)
		}
		if block, err = chooseBlock(name, used); err != nil {
			return netip.Prefix{}, err
		}
		// Its hardware address must stay as pods come and go, or they would lose sight of the node.
		digest := sha256.Sum256([]byte(name))
		if err := addLink(name, "bridge", append(net.HardwareAddr{0x02}, digest[:5]...)); err != nil {
			return netip.Prefix{}, err
		}
		if link, err = net.InterfaceByName(name); err != nil {
			return netip.Prefix{}, fmt.Errorf("find the bridge %s: %w", name, err)
		}
	}
	for i := range nodes {
		if err := addAddress(link, netip.PrefixFrom(nodeAddress(block, i), clusterBits)); err != nil {
			return netip.Prefix{}, err
		}
	}
	return block, addAddress(link, alone(service))
}

// alone is a subnet of nothing but the address.
func alone(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// findBridge returns the bridge and the block that its addresses are from. One without an address is what a launcher
// left that was killed just then; it is removed.
func findBridge(name string) (*net.Interface, netip.Prefix, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil, netip.Prefix{}, nil //nolint:nilerr // not there: InterfaceByName has no other way to fail that matters here
	}
	addresses, err := link.Addrs()
	if err != nil {
		return nil, netip.Prefix{}, fmt.Errorf("look at the bridge %s: %w", name, err)
	}
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && pool.Overlaps(prefix) {
			return link, prefix.Masked(), nil
		}
	}
	return nil, netip.Prefix{}, deleteLink(link)
}

// nodeAddress is the first address of the node's subnet, whose others are its pods'.
func nodeAddress(block netip.Prefix, node int) netip.Addr {
	bytes := block.Addr().As4()
	number := binary.BigEndian.Uint32(bytes[:]) + uint32(node)<<8 + 1
	binary.BigEndian.PutUint32(bytes[:], number)
	return netip.AddrFrom4(bytes)
}

// chooseBlock finds a block that nothing else on this machine uses. A cluster gets the same each time, if it is free.
func chooseBlock(name string, used []netip.Prefix) (netip.Prefix, error) {
	digest := sha256.Sum256([]byte(name))
	for i := range clusters {
		bytes := pool.Addr().As4()
		number := binary.BigEndian.Uint32(bytes[:]) + uint32((int(digest[0])+i)%clusters)<<(32-clusterBits)
		binary.BigEndian.PutUint32(bytes[:], number)
		block := netip.PrefixFrom(netip.AddrFrom4(bytes), clusterBits)
		free := true
		for _, other := range used {
			free = free && !block.Overlaps(other)
		}
		if free {
			return block, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("all of %s is in use on this machine; stop another cluster (ip -brief address shows them as soak...)", pool)
}

// usedSubnets are those of this machine's interfaces and routes.
func usedSubnets() ([]netip.Prefix, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var used []netip.Prefix
	for _, link := range links {
		addresses, err := link.Addrs()
		if err != nil {
			continue // an interface that has just gone uses nothing
		}
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil {
				used = append(used, prefix)
			}
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return nil, err
	}
	return append(used, parseRoutes(string(routes))...), nil
}

// parseRoutes reads /proc/net/route: addresses and masks are hexadecimal numbers in the machine's byte order.
// Default routes, which some VPNs split in halves, are left out: not all that they cover is in use.
func parseRoutes(table string) (routes []netip.Prefix) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		var destination, mask uint32
		if _, err := fmt.Sscanf(fields[1]+" "+fields[7], "%x %x", &destination, &mask); err != nil {
			continue // the heading
		}
		address, netmask := make([]byte, 4), make(net.IPMask, 4)
		binary.NativeEndian.PutUint32(address, destination)
		binary.NativeEndian.PutUint32(netmask, mask)
		if bits, _ := netmask.Size(); bits >= 8 {
			routes = append(routes, netip.PrefixFrom(netip.AddrFrom4([4]byte(address)), bits))
		}
	}
	return routes
}

// removeBridge removes the bridge, once the interfaces of killed pods have gone: the kernel clears them away in its own time.
func removeBridge(ctx context.Context, name string) error {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil // not there: InterfaceByName has no other way to fail that matters here
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		ports, err := os.ReadDir(filepath.Join("/sys/class/net", name, "brif"))
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("remove the bridge %s: %w", name, err)
		}
		if len(ports) == 0 {
			return deleteLink(link)
		}
		select {
		case <-ctx.Done():
			// It goes without them, but someone must know that they are left.
			return errors.Join(fmt.Errorf("remove the bridge %s: %s is still attached to it", name, ports[0].Name()), deleteLink(link))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
