//! What the makers of disks mean by the attributes of their disks. Only attributes that findings use are here; what is not
//! known for a model is left out.

use super::{Attribute, Family, Left, LeftForm, NamedLeft, Part};

/// Attributes that have the same number with every maker who has them.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        id: 5,
        name: "reallocated_sectors",
        raw: Part::Low16,
        names: &["Reallocated_Sector_Ct", "Reallocate_NAND_Blk_Cnt", "Retired_Block_Count", "reallocated-sector-count"],
    },
    Attribute {
        id: 9,
        name: "power_on_hours",
        raw: Part::Low24,
        names: &["Power_On_Hours", "Power_On_Hours_and_Msec", "power-on-hours"],
    },
    Attribute {
        id: 187,
        name: "reported_uncorrectable",
        raw: Part::All,
        names: &["Reported_Uncorrect", "Reported_UE_Counts", "Uncorrectable_Error_Cnt", "reported-uncorrect"],
    },
    Attribute {
        id: 188,
        name: "command_timeouts",
        raw: Part::All,
        names: &["Command_Timeout", "Command_Timeouts", "command-timeout"],
    },
    Attribute {
        id: 197,
        name: "pending_sectors",
        raw: Part::All,
        names: &[
            "Current_Pending_Sector",
            "Current_Pending_ECC_Cnt",
            "Total_Pending_Sectors",
            "current-pending-sector",
        ],
    },
    Attribute {
        id: 198,
        name: "offline_uncorrectable",
        raw: Part::All,
        names: &["Offline_Uncorrectable", "Total_Offl_Uncorrectabl", "offline-uncorrectable"],
    },
    Attribute {
        id: 199,
        name: "interface_crc_errors",
        raw: Part::All,
        names: &["UDMA_CRC_Error_Count", "CRC_Error_Count", "SATA_CRC_Error_Count", "udma-crc-error-count"],
    },
];

/// Makers who mean something else, or who say what life is left in flash, in percent.
pub(super) const FAMILIES: &[Family] = &[
    // Three counts in one: commands that took too long, those longer than 5 s, those longer than 7.5 s.
    Family {
        models: &["ST1", "ST2", "ST3", "ST4", "ST5", "ST6", "ST8", "ST9"],
        raw: &[(188, Part::Low16), (9, Part::Low32)],
        left: None,
    },
    Family { models: &["MAXTOR", "TOSHIBA MK", "HITACHI_DK", "HITACHI DK"], raw: &[(9, Part::Minutes)], left: None },
    Family { models: &["SAMSUNG SV", "SAMSUNG SP"], raw: &[(9, Part::HalfMinutes)], left: None },
    Family { models: &["FUJITSU M"], raw: &[(9, Part::Seconds)], left: None },
    Family { models: &["SAMSUNG SSD", "SAMSUNG MZ"], raw: &[], left: Some(Left { id: 177, form: LeftForm::Value }) },
    Family {
        models: &["CRUCIAL_CT", "CT1", "CT2", "CT4", "CT5", "CT7", "CT9", "MICRON_1", "MICRON_5", "MICRON_M"],
        raw: &[],
        left: Some(Left { id: 202, form: LeftForm::Used }),
    },
    Family { models: &["INTEL SSDS"], raw: &[(9, Part::Low32)], left: Some(Left { id: 233, form: LeftForm::Value }) },
    Family {
        models: &["KINGSTON SA400", "KINGSTON SV300", "KINGSTON SKC", "KINGSTON SUV"],
        raw: &[],
        left: Some(Left { id: 231, form: LeftForm::Value }),
    },
];

/// The life that is left where smartctl has named it already, by its own and larger table.
pub(super) const NAMED_LEFT: &[NamedLeft] = &[
    NamedLeft {
        names: &[
            "Wear_Leveling_Count",
            "Percent_Lifetime_Remain",
            "SSD_Life_Left",
            "SSD_Life_Left_Perc",
            "Remaining_Lifetime_Perc",
            "Percent_Life_Remaining",
            "Perc_Rated_Life_Remain",
            "Lifetime_Left",
        ],
        id: None,
        form: LeftForm::Value,
    },
    NamedLeft {
        names: &["Percent_Lifetime_Used", "Perc_Rated_Life_Used", "Percent_Life_Used"],
        id: None,
        form: LeftForm::Used,
    },
    // Intel's; with WD and SanDisk another attribute of the same name holds something else.
    NamedLeft { names: &["Media_Wearout_Indicator"], id: Some(233), form: LeftForm::Value },
];
