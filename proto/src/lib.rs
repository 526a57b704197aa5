//! The protocol of the speech emotion recognition server.
//!
//! The `.proto` files beside this crate are the reference: units, ranges,
//! defaults, and for every error its code and message. This crate holds the
//! code generated from them, and nothing else.

/// Version 1 of the protocol.
pub mod v1 {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        rustdoc::all,
        reason = "generated code"
    )]
    tonic::include_proto!("ser.v1");

    /// The descriptors of this package, for server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ser_v1.bin"));
}

/// The Open Inference Protocol, version 2, which clients of Triton and KServe speak.
pub mod inference {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        rustdoc::all,
        reason = "generated code"
    )]
    tonic::include_proto!("inference");

    /// The descriptors of this package, for server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/inference.bin"));
}

/// The admin protocol: what operators ask of a server.
pub mod admin {
    /// Version 1 of the admin protocol.
    pub mod v1 {
        #![allow(
            missing_docs,
            unreachable_pub,
            clippy::all,
            rustdoc::all,
            reason = "generated code"
        )]
        tonic::include_proto!("ser.admin.v1");

        /// The descriptors of this package, for server reflection.
        pub const FILE_DESCRIPTOR_SET: &[u8] =
            include_bytes!(concat!(env!("OUT_DIR"), "/ser_admin_v1.bin"));
    }
}
