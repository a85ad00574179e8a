//go:build !containerd2

package conformance

// Where containerd 1.x has what the suite needs.
import (
	"github.com/containerd/containerd/contrib/snapshotservice"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/snapshots"
	"github.com/containerd/containerd/snapshots/overlay"
	"github.com/containerd/containerd/snapshots/proxy"
	"github.com/containerd/containerd/snapshots/testsuite"
)

type snapshotter = snapshots.Snapshotter

var (
	namespaceOf     = namespaces.Namespace
	withNamespace   = namespaces.WithNamespace
	newOverlay      = overlay.NewSnapshotter
	fromSnapshotter = snapshotservice.FromSnapshotter
	newProxy        = proxy.NewSnapshotter
	suite           = testsuite.SnapshotterSuite
)
