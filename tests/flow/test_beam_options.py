"""What follows `--` is Beam's to know, its runners' options included."""

import pytest

from tutelage.errors import SettingsError
from tutelage.flow import beam_options

FLAGS = (
    "--no_use_public_ips", "--extra_package=x.whl", "--extra_packages=x.whl", "--experiment=a",
    "--experiments=b", "--label=team=sml", "--labels=team=sml", "--dataflow_service_option=a",
    "--dataflow_service_options=a", "--worker_machine_type=n1-standard-1", "--machine_type=x",
    "--worker_disk_type=pd-ssd", "--disk_size_gb=50", "--resource_hint=min_ram=4GB",
    "--num_workers=3", "--max_num_workers=9", "--worker_zone=us-central1-a",
    "--worker_region=us-central1", "--sdk_container_image=an/image", "--network=default",
    "--subnetwork=s", "--service_account_email=a@b", "--impersonate_service_account=a@b",
    "--no_auth", "--temp_location=gs://b/t", "--staging_location=gs://b/s", "--region=us-central1",
    "--project=p", "--job_name=n", "--autoscaling_algorithm=NONE", "--prebuild_sdk_container_engine=x",
)  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_true_flags_are_taken(flag):
    beam_options.parse([flag])


def test_values_are_where_beam_looks_for_them():
    options = beam_options.parse(["--no_use_public_ips", "--label=a=b", "--label", "c=d"])
    every = options.get_all_options()
    assert every["use_public_ips"] is False and every["labels"] == ["a=b", "c=d"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--num_worker=3"], "Beam has no option --num_worker=3"),
        (["--no_such"], "Beam has no option --no_such"),
        (["stray"], "Beam has no option stray"),
        (["--num_workers=3", "stray"], "Beam has no option stray"),
        (["--num_workers=many"], "invalid int value: 'many'"),
        (["--direct_num_workers=-1"], "wanted 0"),
        (["--runner=NoRunner"], "Beam has no runner NoRunner here"),
        (["--dry_run=true"], "no dry run"),
        (["--template_location=gs://b/t"], "there is no template of it"),
    ],
)
def test_mistakes_are_one_line(args, message):
    with pytest.raises(SettingsError, match=message) as caught:
        beam_options.parse(args)
    assert "\n" not in str(caught.value)


def test_which_runner_it_is():
    assert beam_options.is_local(beam_options.parse([]))
    assert beam_options.is_local(beam_options.parse(["--runner=DirectRunner"]))
    portable = beam_options.parse(["--runner=PortableRunner", "--job_endpoint=localhost:1"])
    assert not beam_options.is_local(portable) and beam_options.name(portable) == "PortableRunner"


def test_dask_by_its_name_and_with_its_options():
    pytest.importorskip("dask", reason="dask is not installed")
    options = beam_options.parse(["--runner=DaskRunner", "--dask_npartitions=4"])
    assert beam_options.name(options) == "DaskRunner"
    assert options.get_all_options()["npartitions"] == 4
    with pytest.raises(SettingsError, match="Beam has no option --dask_npartition=4"):
        beam_options.parse(["--runner=DaskRunner", "--dask_npartition=4"])
