package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

const listenerVariable = "SOAK_PROCESS_TEST_LISTENER"

func TestMain(m *testing.M) {
	if os.Getenv(listenerVariable) != "" {
		listen()
	}
	os.Exit(m.Run())
}

// listen is a process with a port, and with memory that takes the kernel a while to clear away.
func listen() {
	memory := make([]byte, 512<<20)
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile("address", []byte(listener.Addr().String()), 0o600); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	select {}
}

// What is killed has freed its port when Kill returns, so that it can be started again.
func TestKillReturnsWhenItIsGone(t *testing.T) {
	itself, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	group := Group(t.TempDir())
	if _, err := group.Start(Spec{Name: "listener", Executable: itself, Env: []string{listenerVariable + "=1"}}); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, group, "listener")
	address, err := os.ReadFile(filepath.Join(string(group), "address"))
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Kill("listener"); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", string(address))
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
}
