"""Whether the images that a deployment starts from are there, fit, and may be published."""

import json
import re
from typing import Any

from deploy.check import Check, Verdict, client_of
from stacks.accelerators import ACCELERATORS
from stacks.machine_image import KEPT_TAG, description
from stacks.settings import Settings


def base_image(settings: Settings) -> Check:
    """Look at the base image, which is to be there and fit the volume; and for a newer one."""
    subject, chosen = "base image", settings.base_image
    wanted = settings.accelerator
    parameter = client_of("ssm", settings).get_parameter(Name=wanted.base_image)["Parameter"]
    newest = parameter["Value"]
    write = f'put into cloud.toml: base_image = "{newest}"'
    if chosen is None:
        return Check(Verdict.BAD, subject, write)
    if (image := described(settings, chosen)) is None:
        return Check(Verdict.BAD, subject, f"AWS has {chosen} no more here; {write}")
    if not image.get("Name", "").startswith(wanted.base_image_name):
        finding = f"{chosen} is no plain {wanted.system}, to which hush adds the driver; {write}"
        return Check(Verdict.BAD, subject, finding)
    if (size := gigabytes(image)) > settings.volume_gigabytes:
        finding = f"{chosen} is larger: put into cloud.toml: volume_gigabytes = {size}"
        return Check(Verdict.BAD, subject, finding)
    if chosen != newest:
        since = image["CreationDate"][:10]
        finding = f"yours is of {since}; for the security updates of the newest, {write}"
        return Check(Verdict.UNSURE, subject, finding)
    return Check(Verdict.GOOD, subject, f"{chosen}, the newest")


def machine_image(settings: Settings) -> Check:
    """Look whether the machine image that is to be taken is there, and holds what is to run."""
    subject, chosen = "machine image", str(settings.image)
    image = described(settings, chosen)
    if image is None or image["State"] != "available":
        finding = (
            f"{chosen} is not in {settings.region}, or not for the account {settings.account}:"
            " an image is in one region alone, and for those whom its owner lets"
        )
        return Check(Verdict.BAD, subject, finding)
    said = re.fullmatch(r"hush (\w+): (\w+), (.+)", image.get("Description", ""))
    if said is None:
        return Check(Verdict.BAD, subject, f"{chosen} is no machine image of hush")
    models = tuple(said[3].split())
    missing, size = sorted(set(settings.models) - set(models)), gigabytes(image)
    unfit = [
        (said[2] not in settings.accelerator.engines, *_of_other_gpus(said[2])),
        (said[2] != settings.running_engine, "another engine", f'engine = "{said[2]}"'),
        (missing, f"no {' and no '.join(missing)}", f"models = {json.dumps(models)}"),
        (size > settings.volume_gigabytes, "more than a volume", f"volume_gigabytes = {size}"),
    ]
    if wrong := next((each for each in unfit if each[0]), None):
        _, what, write = wrong
        return Check(Verdict.BAD, subject, f"it holds {what}: put into cloud.toml: {write}")
    if image.get("OwnerId") == settings.account and not kept(image):
        finding = (
            f"it is deleted {settings.keep_images_days} days after its last launch, unless you say:"
            f" aws ec2 create-tags --resources {chosen} --tags Key=hush-keep,Value=yes"
        )
        return Check(Verdict.UNSURE, subject, finding)
    since = image["CreationDate"][:10]
    if said[0] != description(settings.model_copy(update={"models": models})):
        finding = (
            f"{chosen} of {since} was made of other files than are here: if no instance becomes"
            " ready, take image out of cloud.toml, and one is built"
        )
        return Check(Verdict.UNSURE, subject, finding)
    return Check(Verdict.GOOD, subject, f"{chosen} of {since}, made of the same files")


def _of_other_gpus(engine: str) -> tuple[str, str]:
    """Return what an image with an engine of other GPUs holds, and what to write to take it."""
    families = [
        family for each in ACCELERATORS if engine in each.engines for family in each.families
    ]
    types = [f"{family}.xlarge" for family in families]
    return f"{engine}, for other GPUs", f"instance_types = {json.dumps(types)}"


def kept(image: dict[str, Any]) -> bool:
    """Tell whether an image is to stay, whatever its age."""
    tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", ())}
    return KEPT_TAG.items() <= tags.items()


def publishing(settings: Settings) -> Check:
    """Look whether the account lets an image be published."""
    subject, client = "publishing", client_of("ec2", settings)
    if client.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]:
        finding = (
            "this account encrypts all volumes with AWS's key, which no other account can use:"
            f" aws ec2 disable-ebs-encryption-by-default --region {settings.region}"
        )
        return Check(Verdict.BAD, subject, finding)
    if settings.publish_image != "everyone":
        accounts = ", ".join(settings.publish_image)
        return Check(Verdict.GOOD, subject, f"the machine image is for {accounts} too")
    state = client.get_image_block_public_access_state()["ImageBlockPublicAccessState"]
    if state != "unblocked":
        finding = (
            "this account lets no image be public:"
            f" aws ec2 disable-image-block-public-access --region {settings.region}"
        )
        return Check(Verdict.BAD, subject, finding)
    return Check(Verdict.GOOD, subject, "the machine image is for everyone")


def described(settings: Settings, image: str) -> dict[str, Any] | None:
    """Return an image as EC2 describes it; None if it is not there."""
    # By a filter, as an id that is not there is an error otherwise; an old one is still there.
    filters = [{"Name": "image-id", "Values": [image]}]
    client = client_of("ec2", settings)
    found = client.describe_images(Filters=filters, IncludeDeprecated=True)["Images"]
    return dict(found[0]) if found else None


def gigabytes(image: dict[str, Any]) -> int:
    """Return the size of the largest volume of an image, which EC2 makes no smaller."""
    volumes = [each["Ebs"]["VolumeSize"] for each in image["BlockDeviceMappings"] if "Ebs" in each]
    return max(volumes, default=0)
