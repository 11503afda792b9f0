package realnode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The few requests to the kernel's network configuration that a bridge needs; see rtnetlink(7). The ip command would do,
// but not every machine has it.

// addLink makes an interface of that kind and sets it up. A hardware address is optional.
func addLink(name, kind string, hardware net.HardwareAddr) error {
	body := linkHeader(0, unix.IFF_UP)
	body = append(body, attribute(unix.IFLA_IFNAME, append([]byte(name), 0))...)
	if hardware != nil {
		body = append(body, attribute(unix.IFLA_ADDRESS, hardware)...)
	}
	body = append(body, attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte(kind)))...)
	if err := request(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body); err != nil {
		return fmt.Errorf("make the %s %s: %w", kind, name, err)
	}
	return nil
}

// deleteLink removes the interface. One that is not there is no error.
func deleteLink(link *net.Interface) error {
	err := request(unix.RTM_DELLINK, 0, linkHeader(link.Index, 0))
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove the network interface %s: %w", link.Name, err)
	}
	return nil
}

// addAddress gives the interface an IPv4 address, in a subnet that is reached through it. It may have it already.
func addAddress(link *net.Interface, address netip.Prefix) error {
	body := []byte{unix.AF_INET, byte(address.Bits()), 0, unix.RT_SCOPE_UNIVERSE}
	body = binary.NativeEndian.AppendUint32(body, uint32(link.Index))
	for _, kind := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		body = append(body, attribute(kind, address.Addr().AsSlice())...)
	}
	if err := request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body); err != nil {
		return fmt.Errorf("give %s the address %s: %w", link.Name, address, err)
	}
	return nil
}

// linkHeader is a struct ifinfomsg that sets the given flags.
func linkHeader(index int, flags uint32) []byte {
	header := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(header[4:], uint32(index))
	binary.NativeEndian.PutUint32(header[8:], flags)
	binary.NativeEndian.PutUint32(header[12:], flags)
	return header
}

// attribute is a struct rtattr with its value, padded to four bytes.
func attribute(kind uint16, value []byte) []byte {
	a := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	a = binary.NativeEndian.AppendUint16(a, kind)
	a = append(a, value...)
	return append(a, make([]byte, (4-len(a)%4)%4)...)
}

// request sends one message and waits for the kernel's answer.
func request(kind, flags uint16, body []byte) error {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(socket) //nolint:errcheck // the answer has been read
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	message = append(message, make([]byte, 8)...) // sequence and sender: there is one message, and the kernel knows us
	message = append(message, body...)
	if err := unix.Sendto(socket, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(socket, answer, 0)
	if err != nil {
		return err
	}
	// The answer is a struct nlmsgerr after its header; it begins with the error number, negated, or zero.
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("the kernel's answer is not understood")
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
