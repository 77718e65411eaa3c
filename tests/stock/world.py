"""A small cluster in which everything is wrong: series, with the labels that kube-prometheus gives its targets, that make
every stock alert fire. Two parts, since what is absent in one must be there in the other."""

from itertools import cycle, islice
from pathlib import Path

from tests.stock.promtool import Labels, Series, firing

SAMPLES = 600
"""Of each series: five hours, an hour more than the longest `for:`."""
ENDS_M, EVERY_M = 295, 5
"""Minutes after the beginning at which is looked, and between two evaluations: enough where nothing depends on them."""
FLAPPING = " ".join(islice(cycle("01"), SAMPLES))
FALLING = f"25-0.033x{SAMPLES}"

KSM = {"job": "kube-state-metrics", "instance": "10.244.1.7:8443", "container": "kube-rbac-proxy-main"}
API = {
    "job": "apiserver",
    "instance": "10.0.0.10:6443",
    "namespace": "default",
    "service": "kubernetes",
    "endpoint": "https",
}
SHOP = {**KSM, "namespace": "shop"}


def kubelet(worker: int, path: str = "/metrics") -> Labels:
    return {
        "job": "kubelet",
        "instance": f"10.0.0.1{worker}:10250",
        "node": f"worker-{worker}",
        "namespace": "kube-system",
        "service": "kubelet",
        "endpoint": "https-metrics",
        "metrics_path": path,
    }


def node_exporter(worker: int) -> Labels:
    """kube-prometheus makes the node's name the instance; the pod is the exporter's own."""
    pod = f"node-exporter-x7k2{'bcdfgh'[worker]}"
    return {**pod_of("node-exporter", pod, "kube-rbac-proxy", "https"), "instance": f"worker-{worker}"}


def pod_of(job: str, pod: str, container: str, endpoint: str, namespace: str = "monitoring") -> Labels:
    """What the operator gives a target behind a service that is called like its job."""
    return {
        "job": job,
        "instance": f"10.244.1.{len(pod)}:9090",
        "namespace": namespace,
        "pod": pod,
        "container": container,
        "endpoint": endpoint,
        "service": job,
    }


PROMETHEUS = pod_of("prometheus-k8s", "prometheus-k8s-0", "prometheus", "web")
OPERATOR = pod_of("prometheus-operator", "prometheus-operator-7d9f8b6c5d-x2x8z", "kube-rbac-proxy", "https")
ALERTMANAGERS = [
    {
        **pod_of("alertmanager-main", f"alertmanager-main-{one}", "alertmanager", "web"),
        "instance": f"10.244.{one}.5:9093",
    }
    for one in (0, 1)
]
SCHEDULER = pod_of("kube-scheduler", "kube-scheduler-cp-1", "kube-scheduler", "https-metrics", "kube-system")
CONTROLLERS = pod_of(
    "kube-controller-manager", "kube-controller-manager-cp-1", "kube-controller-manager", "https-metrics", "kube-system"
)


def always(value: float) -> str:
    return f"{value:g}x{SAMPLES}"


def grows(by: float) -> str:
    """A counter, by so much each sample."""
    return f"0+{by:g}x{SAMPLES}"


def one(metric: str, target: Labels, values: str | float, /, **labels: str) -> Series:
    """A series of a target; labels that the exporter itself gives win, as with `honorLabels`."""
    return Series(metric, {**target, **labels}, values if isinstance(values, str) else always(values))


def everything_wrong() -> list[Series]:
    """All that fires while the thing it is about is still there."""
    return [
        *_alertmanager(), *_kube_state_metrics(), *_pods(), *_workloads(), *_capacity(), *_volumes(),
        *_control_plane(), *_nodes(), *_kubelets(), *_machines(), *_prometheus(), *_prometheus_counters(), *_operator(),
    ]  # fmt: skip


def gone() -> list[Series]:
    """What is left where the control plane's targets are gone: two nodes whose kubelets nobody reaches."""
    return [one("kube_node_info", KSM, 1, node=f"worker-{worker}") for worker in (1, 2)]


def evaluated(folder: Path) -> list[Labels]:
    """The label sets of all that fires in the two parts, sorted."""
    found = [
        one.labels for part in (everything_wrong(), gone()) for one in firing(folder, part, [ENDS_M], every_m=EVERY_M)
    ]
    return sorted({tuple(sorted(labels.items())): labels for labels in found}.values(), key=_order)


def _order(labels: Labels) -> tuple[str, list[tuple[str, str]]]:
    return labels["alertname"], sorted(labels.items())


def _alertmanager() -> list[Series]:
    found = []
    for number, target in enumerate(ALERTMANAGERS):
        found += [
            one("up", target, 0),
            one("alertmanager_config_last_reload_successful", target, 0),
            one("alertmanager_cluster_members", target, 1),
            one("alertmanager_cluster_failed_peers", target, 1),
            one("alertmanager_config_hash", target, 1 + number),
            one("process_start_time_seconds", target, grows(30)),
            one("alertmanager_notifications_total", target, grows(10), integration="slack"),
            one(
                "alertmanager_notifications_failed_total", target, grows(10), integration="slack", reason="clientError"
            ),
        ]
    grafana = {"namespace": "monitoring", "job": "grafana", "handler": "/api/dashboards", "status_code": "500"}
    rate = "namespace_job_handler_statuscode:grafana_http_request_duration_seconds_count:rate5m"
    return [*found, one(rate, grafana, 10)]


def _kube_state_metrics() -> list[Series]:
    found = []
    for shard, target in enumerate((KSM, {**KSM, "instance": "10.244.2.7:8443"})):
        found += [
            one("kube_state_metrics_list_total", target, grows(10), result="error", resource="*v1.Pod"),
            one("kube_state_metrics_watch_total", target, grows(10), result="error", resource="*v1.Pod"),
            one("kube_state_metrics_total_shards", target, 2 + shard),
            one("kube_state_metrics_shard_ordinal", target, 0, shard_ordinal="0"),
        ]
    return found


def _pods() -> list[Series]:
    cart = {"pod": "cart-7d9f8b6c5d-x2x8z", "uid": "5c1f"}
    waits = "kube_pod_container_status_waiting_reason"
    owner = {"owner_kind": "ReplicaSet", "owner_name": "cart-7d9f8b6c5d", "owner_is_controller": "true"}
    throttled = {"id": "/x", "image": "i", "name": "n", "pod": "mill-0", "container": "mill", "namespace": "quiet"}
    cadvisor = kubelet(1, "/metrics/cadvisor")
    return [
        one(waits, SHOP, 1, **cart, container="cart", reason="CrashLoopBackOff"),
        one(waits, SHOP, 1, **cart, container="sidecar", reason="ImagePullBackOff"),
        one("kube_pod_status_phase", SHOP, 1, **cart, phase="Pending"),
        one("kube_pod_owner", SHOP, 1, **cart, **owner),
        one("container_cpu_cfs_throttled_periods_total", cadvisor, grows(10), **throttled),
        one("container_cpu_cfs_periods_total", cadvisor, grows(10), **throttled),
    ]


def _workloads() -> list[Series]:
    deployment, db, agents = {"deployment": "cart"}, {"statefulset": "db"}, {"daemonset": "agent"}
    hpa = "kube_horizontalpodautoscaler_"
    found = [
        one("kube_deployment_status_observed_generation", SHOP, 1, **deployment),
        one("kube_deployment_metadata_generation", SHOP, 2, **deployment),
        one("kube_deployment_spec_replicas", SHOP, 3, **deployment),
        one("kube_deployment_status_replicas_available", SHOP, 1, **deployment),
        one("kube_deployment_status_replicas_updated", SHOP, 3, **deployment),
        one("kube_deployment_status_condition", SHOP, 1, **deployment, condition="Progressing", status="false"),
        one("kube_statefulset_status_replicas_ready", SHOP, 1, **db),
        one("kube_statefulset_replicas", SHOP, 2, **db),
        one("kube_statefulset_status_replicas_updated", SHOP, 0, **db),
        one("kube_statefulset_status_observed_generation", SHOP, 1, **db),
        one("kube_statefulset_metadata_generation", SHOP, 2, **db),
        one("kube_statefulset_status_current_revision", SHOP, 1, **db, revision="db-1"),
        one("kube_statefulset_status_update_revision", SHOP, 1, **db, revision="db-2"),
        one("kube_daemonset_status_current_number_scheduled", SHOP, 2, **agents),
        one("kube_daemonset_status_desired_number_scheduled", SHOP, 3, **agents),
        one("kube_daemonset_status_number_misscheduled", SHOP, 1, **agents),
        one("kube_daemonset_status_updated_number_scheduled", SHOP, 2, **agents),
        one("kube_daemonset_status_number_available", SHOP, 2, **agents),
        one("kube_job_status_start_time", SHOP, -50_000, job_name="backup-28123456"),
        one("kube_job_status_active", SHOP, 1, job_name="backup-28123456"),
        one("kube_job_failed", SHOP, 1, job_name="backup-28123457", condition="true"),
        one("kube_poddisruptionbudget_status_desired_healthy", SHOP, 2, poddisruptionbudget="cart"),
        one("kube_poddisruptionbudget_status_current_healthy", SHOP, 1, poddisruptionbudget="cart"),
    ]
    for name, desired, current in (("cart", 5, 3), ("search", 9, 9)):
        scaler = {"horizontalpodautoscaler": name}
        found += [
            one(f"{hpa}status_desired_replicas", SHOP, desired, **scaler),
            one(f"{hpa}status_current_replicas", SHOP, current, **scaler),
            one(f"{hpa}spec_min_replicas", SHOP, 1, **scaler),
            one(f"{hpa}spec_max_replicas", SHOP, 9, **scaler),
        ]
    return found


def _capacity() -> list[Series]:
    found = []
    for resource, unit in (("cpu", "core"), ("memory", "byte")):
        found += [
            one(f"namespace_{resource}:kube_pod_container_resource_requests:sum", {"namespace": "shop"}, 100),
            one("kube_resourcequota", SHOP, 100, resourcequota="default", resource=resource, type="hard"),
        ]
        for worker in ("worker-1", "worker-2"):
            found.append(one("kube_node_status_allocatable", KSM, 4, node=worker, resource=resource, unit=unit))
    for resource, used in (("pods", 95), ("services", 100), ("secrets", 120)):
        for kind, value in (("used", used), ("hard", 100)):
            found.append(one("kube_resourcequota", SHOP, value, resourcequota="default", resource=resource, type=kind))
    return found


def _volumes() -> list[Series]:
    claim = {"namespace": "shop", "persistentvolumeclaim": "data-db-0"}
    stats, target = "kubelet_volume_stats_", kubelet(1)
    return [
        one(f"{stats}available_bytes", target, FALLING, **claim),
        one(f"{stats}capacity_bytes", target, 1_000, **claim),
        one(f"{stats}used_bytes", target, 900, **claim),
        one(f"{stats}inodes_free", target, FALLING, **claim),
        one(f"{stats}inodes", target, 1_000, **claim),
        one(f"{stats}inodes_used", target, 900, **claim),
        one("kube_persistentvolume_status_phase", KSM, 1, persistentvolume="pvc-5c1f", phase="Failed"),
    ]


def _control_plane() -> list[Series]:
    expiry = "apiserver_client_certificate_expiration_seconds"
    aggregated = {"name": "v1beta1.metrics.k8s.io"}
    found = [
        one("up", API, 0),
        one("up", SCHEDULER, 0),
        one("up", CONTROLLERS, 0),
        one("kubernetes_build_info", API, 1, git_version="v1.30.1"),
        one("kubernetes_build_info", kubelet(1), 1, git_version="v1.29.4"),
        one("rest_client_requests_total", API, grows(10), code="500", method="GET", host="10.0.0.10"),
        one("aggregator_unavailable_apiservice_total", API, grows(1), **aggregated, reason="FailedDiscoveryCheck"),
        one("aggregator_unavailable_apiservice", API, 1, **aggregated),
        one("apiserver_request_terminations_total", API, grows(10), code="504"),
        one("apiserver_request_total", API, grows(10), code="200", verb="GET"),
        one(f"{expiry}_bucket", API, grows(10), le="3600"),
        one(f"{expiry}_bucket", API, grows(10), le="+Inf"),
        one(f"{expiry}_count", API, grows(10)),
    ]
    spans = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    return [*found, *(one(f"apiserver_request:burnrate{span}", {"verb": "read"}, 1) for span in spans)]


def _nodes() -> list[Series]:
    condition, unreachable = "kube_node_status_condition", "node.kubernetes.io/unreachable"
    return [
        one(condition, KSM, 0, node="worker-1", condition="Ready", status="true"),
        one(condition, KSM, 1, node="worker-1", condition="DiskPressure", status="true"),
        one(condition, KSM, FLAPPING, node="worker-2", condition="Ready", status="true"),
        one("kube_node_spec_unschedulable", KSM, 0, node="worker-1"),
        one("kube_node_spec_unschedulable", KSM, 0, node="worker-2"),
        one("kube_node_spec_taint", KSM, 1, node="worker-1", key=unreachable, effect="NoSchedule"),
        one("kube_node_status_capacity", KSM, 110, node="worker-1", resource="pods", unit="integer"),
    ]


def _kubelets() -> list[Series]:
    target, latency = kubelet(1), "kubelet_pod_worker_duration_seconds_bucket"
    return [
        one("up", target, 0),
        one("kubelet_running_pods", target, 110),
        one("kubelet_node_name", target, 1),
        one("kubelet_evictions", target, grows(1), eviction_signal="memory.available"),
        one(
            "node_quantile:kubelet_pleg_relist_duration_seconds:histogram_quantile",
            {"instance": target["instance"], "node": target["node"], "quantile": "0.99"},
            12,
        ),
        one(latency, target, 0, operation_type="create", le="60"),
        one(latency, target, grows(10), operation_type="create", le="120"),
        one(latency, target, grows(10), operation_type="create", le="+Inf"),
        one("kubelet_certificate_manager_client_ttl_seconds", target, 1_000),
        one("kubelet_certificate_manager_server_ttl_seconds", target, 1_000),
        one("kubelet_certificate_manager_client_expiration_renew_errors", target, grows(1)),
        one("kubelet_server_expiration_renew_errors", target, grows(1)),
    ]


def _machines() -> list[Series]:
    target = node_exporter(1)
    disk = {"device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/"}
    net, raid = {"device": "eth0"}, {"device": "md0"}
    return [
        one("node_network_up", target, FLAPPING, **net),
        one("node_filesystem_avail_bytes", target, FALLING, **disk),
        one("node_filesystem_size_bytes", target, 1_000, **disk),
        one("node_filesystem_files_free", target, FALLING, **disk),
        one("node_filesystem_files", target, 1_000, **disk),
        one("node_filesystem_readonly", target, 0, **disk),
        one("node_network_receive_errs_total", target, grows(10), **net),
        one("node_network_receive_packets_total", target, grows(100), **net),
        one("node_network_transmit_errs_total", target, grows(10), **net),
        one("node_network_transmit_packets_total", target, grows(100), **net),
        one("node_nf_conntrack_entries", target, 90),
        one("node_nf_conntrack_entries_limit", target, 100),
        one("node_textfile_scrape_error", target, 1),
        one("node_timex_offset_seconds", target, 0.1),
        one("node_timex_sync_status", target, 0),
        one("node_timex_maxerror_seconds", target, 16),
        one("node_md_disks_required", target, 2, **raid),
        one("node_md_disks", target, 1, **raid, state="active"),
        one("node_md_disks", target, 1, **raid, state="failed"),
        one("node_filefd_allocated", target, 95),
        one("node_filefd_maximum", target, 100),
        one("node_cpu_seconds_total", target, grows(30), cpu="0", mode="user"),
        one("node_cpu_seconds_total", target, grows(0), cpu="0", mode="idle"),
        one("node_load1", target, 10),
        one("node_vmstat_pgmajfault", target, grows(30_000)),
        one("node_memory_MemAvailable_bytes", target, 5),
        one("node_memory_MemTotal_bytes", target, 100),
        one("node_disk_io_time_weighted_seconds_total", target, grows(600), device="sda"),
        one("node_systemd_unit_state", target, 1, name="cron.service", state="failed", type="simple"),
        one("node_systemd_service_restart_total", target, grows(1), name="cron.service"),
        one("node_bonding_slaves", target, 2, master="bond0"),
        one("node_bonding_active", target, 1, master="bond0"),
    ]


def _prometheus() -> list[Series]:
    target = PROMETHEUS
    remote = {"remote_name": "far", "url": "https://far.example/api/v1/write"}
    alertmanager = {"alertmanager": "http://10.244.0.5:9093/api/v2/alerts"}
    storage = "prometheus_remote_storage_"
    return [
        one("prometheus_config_last_reload_successful", target, 0),
        one("prometheus_notifications_queue_length", target, grows(100)),
        one("prometheus_notifications_queue_capacity", target, 100),
        one("prometheus_notifications_errors_total", target, grows(10), **alertmanager),
        one("prometheus_notifications_sent_total", target, grows(10), **alertmanager),
        one("prometheus_notifications_alertmanagers_discovered", target, 0),
        one("prometheus_tsdb_head_samples_appended_total", target, 10, type="float"),
        one("prometheus_target_metadata_cache_entries", target, 10, scrape_job="kubelet"),
        one(f"{storage}samples_failed_total", target, grows(10), **remote),
        one(f"{storage}samples_total", target, grows(10), **remote),
        one(f"{storage}queue_highest_timestamp_seconds", target, 1_000, **remote),
        one(f"{storage}queue_highest_sent_timestamp_seconds", target, 500, **remote),
        one(f"{storage}shards_desired", target, 20, **remote),
        one(f"{storage}shards_max", target, 10, **remote),
        one("prometheus_engine_queries", target, 19),
        one("prometheus_engine_queries_concurrent_max", target, 20),
        one("reloader_last_reload_successful", target, 0, container="config-reloader", endpoint="reloader-web"),
    ]


def _prometheus_counters() -> list[Series]:
    plain = (
        "tsdb_reloads_failures_total", "tsdb_compactions_failed_total",
        "target_scrapes_sample_duplicate_timestamp_total", "target_scrapes_sample_out_of_order_total",
        "target_scrape_pool_exceeded_target_limit_total", "target_scrape_pool_exceeded_label_limits_total",
        "target_scrapes_exceeded_body_size_limit_total", "target_scrapes_exceeded_sample_limit_total",
    )  # fmt: skip
    return [
        *(one(f"prometheus_{name}", PROMETHEUS, grows(1)) for name in plain),
        one("prometheus_sd_refresh_failures_total", PROMETHEUS, grows(1), mechanism="dns"),
        one("prometheus_sd_kubernetes_failures_total", PROMETHEUS, grows(1)),
        one("prometheus_rule_evaluation_failures_total", PROMETHEUS, grows(1), rule_group="/etc/rules/a.yaml;a"),
        one("prometheus_rule_group_iterations_missed_total", PROMETHEUS, grows(1), rule_group="/etc/rules/a.yaml;a"),
        one("prometheus_target_sync_failed_total", PROMETHEUS, grows(1), scrape_job="kubelet"),
    ]


def _operator() -> list[Series]:
    counters = (
        "list_operations", "list_operations_failed", "watch_operations", "watch_operations_failed",
        "status_update_operations", "status_update_errors", "reconcile_operations", "reconcile_errors",
    )  # fmt: skip
    return [
        *(one(f"prometheus_operator_{name}_total", OPERATOR, grows(10), controller="prometheus") for name in counters),
        one("prometheus_operator_syncs", OPERATOR, 1, controller="prometheus", status="failed"),
        one("prometheus_operator_node_address_lookup_errors_total", OPERATOR, grows(10)),
        one("prometheus_operator_ready", OPERATOR, 0, controller="prometheus"),
        one(
            "prometheus_operator_managed_resources",
            OPERATOR,
            1,
            controller="prometheus",
            state="rejected",
            resource="Probe",
        ),
    ]
