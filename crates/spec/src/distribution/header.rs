//! Names of the headers that OCI and Docker define.

use http::HeaderName;

/// The digest of the content in the body.
pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// `registry/2.0`; tells that this is a registry.
pub const DOCKER_DISTRIBUTION_API_VERSION: HeaderName =
    HeaderName::from_static("docker-distribution-api-version");
/// The identifier of an upload.
pub const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// The smallest chunk, in bytes, that an upload accepts before the last.
pub const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
/// Which filters a list of referrers went through.
pub const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// The registry, as clients call it, that a mirror's content is from.
pub const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");
/// The digest of the subject that the registry recorded a referrer for.
pub const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// A tag that the registry set along with a manifest.
pub const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
