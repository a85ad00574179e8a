#include "bind/message_types.h"

#include <containerd/events/snapshot.pb-c.h>
#include <containerd/services/events/v1/events.pb-c.h>
#include <containerd/services/introspection/v1/introspection.pb-c.h>
#include <containerd/services/leases/v1/leases.pb-c.h>
#include <containerd/services/namespaces/v1/namespace.pb-c.h>
#include <containerd/services/snapshots/v1/snapshots.pb-c.h>
#include <containerd/services/version/v1/version.pb-c.h>
#include <containerd/types/envelope.pb-c.h>
#include <containerd/types/mount.pb-c.h>
#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/empty.pb-c.h>
#include <google/protobuf/field_mask.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <google/rpc/status.pb-c.h>
#include <grpc/health/v1/health.pb-c.h>
#include <moonsnap/v1/control.pb-c.h>

static const ProtobufCMessageDescriptor *const types[] = {
    &containerd__events__snapshot_prepare__descriptor,
    &containerd__events__snapshot_commit__descriptor,
    &containerd__events__snapshot_remove__descriptor,
    &containerd__services__events__v1__publish_request__descriptor,
    &containerd__services__events__v1__forward_request__descriptor,
    &containerd__services__events__v1__subscribe_request__descriptor,
    &containerd__services__events__v1__envelope__descriptor,
    &containerd__services__introspection__v1__platform__descriptor,
    &containerd__services__introspection__v1__plugin__descriptor,
    &containerd__services__introspection__v1__plugins_request__descriptor,
    &containerd__services__introspection__v1__plugins_response__descriptor,
    &containerd__services__introspection__v1__plugin_info_request__descriptor,
    &containerd__services__introspection__v1__plugin_info_response__descriptor,
    &containerd__services__introspection__v1__deprecation_warning__descriptor,
    &containerd__services__introspection__v1__server_response__descriptor,
    &containerd__services__leases__v1__lease__descriptor,
    &containerd__services__leases__v1__create_request__descriptor,
    &containerd__services__leases__v1__create_response__descriptor,
    &containerd__services__leases__v1__delete_request__descriptor,
    &containerd__services__leases__v1__list_request__descriptor,
    &containerd__services__leases__v1__list_response__descriptor,
    &containerd__services__leases__v1__resource__descriptor,
    &containerd__services__leases__v1__add_resource_request__descriptor,
    &containerd__services__leases__v1__delete_resource_request__descriptor,
    &containerd__services__leases__v1__list_resources_request__descriptor,
    &containerd__services__leases__v1__list_resources_response__descriptor,
    &containerd__services__namespaces__v1__namespace__descriptor,
    &containerd__services__namespaces__v1__get_namespace_request__descriptor,
    &containerd__services__namespaces__v1__get_namespace_response__descriptor,
    &containerd__services__namespaces__v1__list_namespaces_request__descriptor,
    &containerd__services__namespaces__v1__list_namespaces_response__descriptor,
    &containerd__services__namespaces__v1__create_namespace_request__descriptor,
    &containerd__services__namespaces__v1__create_namespace_response__descriptor,
    &containerd__services__namespaces__v1__update_namespace_request__descriptor,
    &containerd__services__namespaces__v1__update_namespace_response__descriptor,
    &containerd__services__namespaces__v1__delete_namespace_request__descriptor,
    &containerd__services__snapshots__v1__info__descriptor,
    &containerd__services__snapshots__v1__prepare_snapshot_request__descriptor,
    &containerd__services__snapshots__v1__prepare_snapshot_response__descriptor,
    &containerd__services__snapshots__v1__view_snapshot_request__descriptor,
    &containerd__services__snapshots__v1__view_snapshot_response__descriptor,
    &containerd__services__snapshots__v1__mounts_request__descriptor,
    &containerd__services__snapshots__v1__mounts_response__descriptor,
    &containerd__services__snapshots__v1__commit_snapshot_request__descriptor,
    &containerd__services__snapshots__v1__remove_snapshot_request__descriptor,
    &containerd__services__snapshots__v1__stat_snapshot_request__descriptor,
    &containerd__services__snapshots__v1__stat_snapshot_response__descriptor,
    &containerd__services__snapshots__v1__update_snapshot_request__descriptor,
    &containerd__services__snapshots__v1__update_snapshot_response__descriptor,
    &containerd__services__snapshots__v1__list_snapshots_request__descriptor,
    &containerd__services__snapshots__v1__list_snapshots_response__descriptor,
    &containerd__services__snapshots__v1__usage_request__descriptor,
    &containerd__services__snapshots__v1__usage_response__descriptor,
    &containerd__services__snapshots__v1__cleanup_request__descriptor,
    &containerd__services__version__v1__version_response__descriptor,
    &containerd__types__envelope__descriptor,
    &containerd__types__mount__descriptor,
    &google__rpc__status__descriptor,
    &grpc__health__v1__health_check_request__descriptor,
    &grpc__health__v1__health_check_response__descriptor,
    &moonsnap__v1__call_request__descriptor,
    &moonsnap__v1__call_response__descriptor,
    &moonsnap__v1__event__descriptor,
    &google__protobuf__any__descriptor,
    &google__protobuf__empty__descriptor,
    &google__protobuf__field_mask__descriptor,
    &google__protobuf__timestamp__descriptor,
};

const ProtobufCMessageDescriptor *const *ms_message_types(size_t *count) {
    *count = sizeof types / sizeof types[0];
    return types;
}
