//go:build containerd2

package conformance

// Where containerd 2.x has what the suite needs.
import (
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/proxy"
	"github.com/containerd/containerd/v2/core/snapshots/testsuite"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
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
