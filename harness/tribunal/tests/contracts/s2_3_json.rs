use crate::row::rows;
rows![];
