// Package conformance runs containerd's own suite for snapshotters against a service, through containerd's own
// client: a server and a root for each test.
//
//	CONFORMANCE_SERVE       the server's command; words ROOT and SOCKET stand for a directory and a socket.
//	                        Without it containerd's own overlay is served, from this process.
//	CONFORMANCE_SNAPSHOTTER its name in every request, by which the suite also knows what overlayfs cannot do
package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"google.golang.org/grpc"
)

const deadline = 30 * time.Second

// A server that runs, and how to end it.
type end func() error

// command starts the server that CONFORMANCE_SERVE names, waits until it listens, and ends it as a service
// manager does.
func command(words []string, root, socket string) (end, error) {
	for i, word := range words {
		words[i] = strings.NewReplacer("ROOT", root, "SOCKET", socket).Replace(word)
	}
	var said bytes.Buffer
	server := exec.Command(words[0], words[1:]...)
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		return nil, err
	}
	gone := make(chan error, 1)
	go func() { gone <- server.Wait() }()
	for till := time.Now().Add(deadline); ; {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		select {
		case err := <-gone:
			return nil, fmt.Errorf("the server ended at once with %v: %s", err, said.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(till) {
			server.Process.Kill()
			return nil, fmt.Errorf("nobody listens: %s", said.String())
		}
	}
	return func() error {
		server.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-gone:
			if err != nil {
				return fmt.Errorf("the server ended with %v: %s", err, said.String())
			}
			return nil
		case <-time.After(deadline):
			server.Process.Kill()
			return fmt.Errorf("the server did not end: %s", said.String())
		}
	}, nil
}

// own serves containerd's overlay.
func own(root, socket string) (end, error) {
	snapshotter, err := newOverlay(root)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	snapshotsapi.RegisterSnapshotsServer(server, fromSnapshotter(snapshotter))
	go server.Serve(listener)
	return func() error {
		server.Stop()
		return snapshotter.Close()
	}, nil
}

// unary sends the namespace of the context along; clients of containerd do so, its proxy plugin may not.
func unary(ctx context.Context, method string, request, reply interface{}, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(named(ctx), method, request, reply, conn, options...)
}

func stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(named(ctx), desc, conn, method, options...)
}

func named(ctx context.Context) context.Context {
	if namespace, ok := namespaceOf(ctx); ok {
		return withNamespace(ctx, namespace)
	}
	return withNamespace(ctx, "default")
}

func connect(ctx context.Context, socket string) (*grpc.ClientConn, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return grpc.DialContext(ctx, "unix://"+socket, grpc.WithBlock(),
		grpc.WithInsecure(),
		grpc.WithUnaryInterceptor(unary), grpc.WithStreamInterceptor(stream))
}

func serve(ctx context.Context, root string) (snapshotter, func() error, error) {
	socket := filepath.Join(filepath.Dir(root), "socket")
	start := own
	if words := strings.Fields(os.Getenv("CONFORMANCE_SERVE")); len(words) > 0 {
		start = func(root, socket string) (end, error) { return command(words, root, socket) }
	}
	finish, err := start(root, socket)
	if err != nil {
		return nil, nil, err
	}
	conn, err := connect(ctx, socket)
	if err != nil {
		if ended := finish(); ended != nil {
			err = fmt.Errorf("%v; %v", err, ended)
		}
		return nil, nil, err
	}
	client := newProxy(snapshotsapi.NewSnapshotsClient(conn), name())
	return client, func() error {
		conn.Close()
		return finish()
	}, nil
}

func name() string {
	if name := os.Getenv("CONFORMANCE_SNAPSHOTTER"); name != "" {
		return name
	}
	return "overlayfs"
}

func TestSnapshotter(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	suite(t, name(), serve)
}
