package realnode

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/saltside/soak-operator/hack/cluster/internal/sandbox"
)

func TestIdentity(t *testing.T) {
	one, other := identity("/home/dev/one"), identity("/home/dev/other")
	if one == other || one != identity("/home/dev/one") {
		t.Errorf("identities %s and %s", one, other)
	}
	// The longest name of a network interface is 15 bytes.
	if !strings.HasPrefix(one, "soak") || len(one) > 15 {
		t.Errorf("%q is no name for a network interface of ours", one)
	}
}

func TestNodeAddress(t *testing.T) {
	block := netip.MustParsePrefix("198.18.240.0/20")
	for node, want := range map[int]string{0: "198.18.240.1", 1: "198.18.241.1", Most - 1: "198.18.255.1"} {
		if got := nodeAddress(block, node).String(); got != want {
			t.Errorf("node %d: got %s, want %s", node, got, want)
		}
	}
	if got := lastPod(netip.MustParseAddr("198.18.241.1")).String(); got != "198.18.241.254" {
		t.Errorf("last pod: %s", got)
	}
}

func TestChooseBlock(t *testing.T) {
	first, err := chooseBlock("soak", nil)
	if err != nil {
		t.Fatal(err)
	}
	if first.Bits() != 20 || !pool.Overlaps(first) || first != first.Masked() {
		t.Errorf("%s is no block of %s", first, pool)
	}
	used := []netip.Prefix{netip.MustParsePrefix("192.168.1.7/24"), netip.MustParsePrefix("fd00::1/64")}
	if again, err := chooseBlock("soak", used); err != nil || again != first {
		t.Errorf("what does not overlap changed %s to %s, %v", first, again, err)
	}
	var all []netip.Prefix
	for range clusters {
		block, err := chooseBlock("soak", all)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(all, block) {
			t.Fatalf("%s was given twice", block)
		}
		all = append(all, block)
	}
	if block, err := chooseBlock("soak", all); err == nil {
		t.Errorf("got %s when all were used", block)
	}
}

func TestParseRoutes(t *testing.T) {
	if !littleEndian() {
		t.Skip("the table was taken from a little-endian machine")
	}
	table := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\tFE0010AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n" +
		"eth0\t000010AC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	want := []netip.Prefix{netip.MustParsePrefix("172.16.0.0/24")}
	if got := parseRoutes(table); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func littleEndian() bool {
	one := attribute(1, nil) // its length, 4, is its first number
	return one[0] == 4
}

func TestBridge(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := sandbox.Try(tryNetwork); err != nil {
		t.Skip(err)
	}
	err := sandbox.Try(func() error {
		want := netip.MustParsePrefix("198.18.16.1/20")
		if err := addLink("soak-test", "bridge", net.HardwareAddr{2, 0, 0, 0, 0, 7}); err != nil {
			return err
		}
		link, err := net.InterfaceByName("soak-test")
		if err != nil {
			return err
		}
		for range 2 { // the second time it is there
			if err := addAddress(link, want); err != nil {
				return err
			}
		}
		found, block, err := findBridge("soak-test")
		if err != nil || found == nil || block != want.Masked() || found.HardwareAddr.String() != "02:00:00:00:00:07" {
			t.Errorf("found %v with %s, %v", found, block, err)
		}
		if err := addLink("soak-test", "bridge", nil); err == nil {
			t.Error("made the same again")
		}
		for range 2 {
			if err := deleteLink(link); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
